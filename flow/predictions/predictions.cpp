// All predictions. A new one is a file beside velocity.cpp and a line here.

#include "flow/predictions/prediction.h"

// clang-format off
#define PATHLINE_PREDICTIONS(ENTRY) \
  ENTRY(velocity) \
  /* end of the list */
// clang-format on

namespace pathline::flow {

using Entry = MethodEntry<Prediction>;

namespace predictions {
PATHLINE_PREDICTIONS(PATHLINE_DECLARE_ENTRY)

static MethodTable<Prediction> all() {
  static const Entry table[] = {PATHLINE_PREDICTIONS(PATHLINE_LIST_ENTRY)};
  return table;
}
}  // namespace predictions

MethodTable<Prediction> prediction_table() {
  return predictions::all();
}

std::shared_ptr<const Prediction> make_prediction(std::string_view text) {
  return make_method(prediction_table(), "prediction", text);
}

}  // namespace pathline::flow
