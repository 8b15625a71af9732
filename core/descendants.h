#pragma once
// The processes that a process has started, and those that these have started: finding them and ending them all.
//
// What a process leaves behind when it ends belongs to nobody any more, unless somebody above it is a "subreaper"
// (prctl(2)): then it becomes that one's child. Thread-safety: no state; end_all_children() reaps whatever child ends,
// so only a process without children of its own concern may call it.

#include <chrono>
#include <vector>

#include <sys/types.h>

namespace pathline {

/// Whether the kernel lists the children of each thread (CONFIG_PROC_CHILDREN, which most have).
bool children_are_listed();
/// Everything below `process` in the tree of processes, as /proc shows it now: from these lists, or by looking at every
/// process of the machine.
std::vector<pid_t> descendants_of(pid_t process, bool from_lists = children_are_listed());

/// Ends and reaps all children and, as they become children of this process (REQUIRES: it is a subreaper), all further
/// descendants: stopped first, so that they start no others meanwhile, then killed, again and again until none is left.
/// False if some are left after `limit`.
bool end_all_children(std::chrono::milliseconds limit);

}  // namespace pathline
