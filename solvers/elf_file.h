#pragma once
// Looks into a shared object without loading it: is it one for this machine, does it export a given constant, and what
// are its first bytes? So a file that is no plugin, or one of another ABI, is refused before any of its code (static
// constructors) has run.
//
// Thread-safety: immutable after construction.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pathline::solvers {

class ElfFile {
 public:
  /// `contents`: the whole file; `place` names it in errors. Throws Error(bad_input) if it is not a shared object for
  /// this processor, or damaged. Every offset in the file is checked.
  ElfFile(std::string contents, std::string place);

  /// A data symbol that the object exports.
  struct Datum {
    std::uint64_t size = 0;        ///< as declared in the symbol table
    std::string_view first_bytes;  ///< initial contents as stored in the file (pointers in them are not relocated yet)
  };
  std::optional<Datum> find_datum(std::string_view symbol) const;

  /// Names that the object exports on purpose: defined, global, visible, not weak (C++ templates are).
  std::vector<std::string> strong_exports() const;
  /// Functions and data that it expects others to have.
  std::vector<std::string> imports() const;
  /// Libraries that it asks for (DT_NEEDED).
  std::vector<std::string> needed_libraries() const;
  /// Where they are looked for first (DT_RUNPATH, or DT_RPATH): "$ORIGIN/lib:/opt/lib", or "".
  std::string run_path() const;

  const std::string& contents() const noexcept { return contents_; }

 private:
  template <typename Visit>
  void visit_sections(std::uint32_t type, Visit visit) const;
  template <typename Visit>
  void visit_dynamic_symbols(Visit visit) const;
  template <typename Visit>
  void visit_dynamic_entries(Visit visit) const;
  template <typename T>
  T read(std::uint64_t offset) const;
  void require_range(std::uint64_t offset, std::uint64_t size) const;
  std::string_view text(std::uint64_t offset, std::uint64_t limit) const;
  std::string_view bytes_at_address(std::uint64_t address, std::uint64_t size) const;
  [[noreturn]] void fail(const std::string& message) const;

  std::string contents_, place_;
};

}  // namespace pathline::solvers
