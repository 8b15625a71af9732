#pragma once
// The stand-in's own functions, beside those of NCCL and CUDA that it exports: for tests in the same process.
//
// Options ("name=value name=value …"; also from the environment variable STANDIN_NCCL when loaded). FAULT@R: on rank R
// only; without @R on every rank. Collectives count from 1 per communicator.
//   devices=N              visible devices (8)
//   pci=same               all devices have the same PCI id
//   version=CODE           what ncclGetVersion says
//   memory=host            cudaPointerGetAttributes tells the truth
//   delay_us=N             each operation of a stream starts after a random time up to N microseconds
//   in_progress=N          init and collectives answer ncclInProgress, for N polls
//   init=error|hang|block  init fails later; is never done; never returns
//   async_error=K          collective K is not done; ncclCommGetAsyncError reports ncclRemoteError
//   hang=K                 collective K never completes
//   device_error=K         after collective K every cudaEventQuery fails
//   finalize=hang          ncclCommFinalize is never done
//   abort=hang             ncclCommAbort never returns
//   fail=FUNCTION:N:CODE   the Nth call of an exported function returns CODE
//   report=FOLDER          at exit: calls, misuse and leaks into FOLDER/PROCESS-RANK (mpirun's number, else 0)

#include <cstddef>

extern "C" {
/// Forgets faults, calls, misuse and counters, and takes these options.
void standin_configure(const char* options);
/// The calls since then (not the polls), one a line, then lines "misuse: …" and "leaked: …" if there are any. Returns
/// the length; writes at most `room` bytes with the final 0.
std::size_t standin_report(char* text, std::size_t room);
}
