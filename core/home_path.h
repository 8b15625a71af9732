#pragma once
// `~` and $HOME in paths that no shell has seen: those of a configuration, of `--name=~/…`, of words in quotes.
// Thread-safety: reads the environment.

#include <string>

namespace pathline {

/// `path` with `~`, `$HOME` or `${HOME}` at its start, as a whole name, replaced by the user's folder. Error(usage) at
/// `place` where HOME is not set, for `~name` (the folder of another user), and for a name on the path that begins with
/// another variable (`$SCRATCH/…`): none of them is what anybody calls a folder, and one made under such a name would
/// be looked for in vain. `./~` means the name itself.
std::string expand_home(const std::string& path, const std::string& place);

}  // namespace pathline
