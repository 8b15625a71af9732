#pragma once
// Agreement between ranks on errors: what one has met, all throw. A rank that threw alone would leave the others
// waiting in their next collective. Thread-safety: the training thread.

#include <string>
#include <utility>

#include "core/error.h"
#include "trainer/parallel/communicator.h"

namespace pathline::parallel {

/// An Error that every rank throws alike, because they agreed on it: one rank (0) should report it, the others only
/// end.
class AgreedError : public Error {
 public:
  AgreedError(const Error& error, std::string place)
      : Error(error.code(), error.message(), std::move(place), error.hint()) {}
};

/// Runs `work` on this rank and agrees on the outcome over all ranks: if any rank threw, every rank throws the same
/// AgreedError, that of the lowest failing rank (its number added to the place when there are several ranks).
/// Collective; `work` itself must not communicate.
template <typename F>
void together(Communicator& communicator, F&& work);
/// The collective half of together(): `serialized_error` is "" on ranks where all went well.
void agree(Communicator& communicator, const std::string& serialized_error);
/// REQUIRES: called from within a catch block. Never empty.
std::string serialize_current_exception();

template <typename F>
void together(Communicator& communicator, F&& work) {
  std::string failure;
  try {
    work();
  } catch (...) {
    failure = serialize_current_exception();
  }
  agree(communicator, failure);
}

}  // namespace pathline::parallel
