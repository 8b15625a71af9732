#pragma once
// What a program of ours does before anything else, while it has one thread: it makes the process it was given fit to
// work in. For main().

namespace pathline {

/// - Standard input, output and error that were closed become /dev/null: the first files opened would otherwise take
///   their numbers, and messages would end up in them.
/// - A pipe whose reader is gone and a file that has reached its size limit fail the write (EPIPE, EFBIG) instead of
///   ending the process: SIGPIPE and SIGXFSZ are ignored. (core/child_process.h gives children the usual behaviour.)
/// - The soft limit of open files is raised to the hard one: a set may have more shards than the usual 1024.
/// - A umask that lets everybody write (000) becomes 022: checkpoints and results are not for others to change. One
///   that keeps others out, as 002 or 077, is obeyed as it is.
void set_up_process();

}  // namespace pathline
