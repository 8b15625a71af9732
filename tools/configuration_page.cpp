#include "tools/configuration_page.h"

#include "core/config_markdown.h"
#include "tools/solver_template.h"
#include "trainer/run_config.h"

namespace pathline::tools {

std::string configuration_page() {
  return fill_template(template_text("configuration.md.in"), {{"keys", markdown_of(train_schema())}});
}

}  // namespace pathline::tools
