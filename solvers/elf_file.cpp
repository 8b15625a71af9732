#include "solvers/elf_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <elf.h>
#include <fmt/format.h>

#include "core/error.h"

namespace pathline::solvers {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t this_machine = EM_X86_64;
constexpr const char* this_machine_name = "x86-64";
#elif defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
constexpr const char* this_machine_name = "aarch64";
#else
#error "add this processor's ELF machine number"
#endif
static_assert(sizeof(void*) == 8 && std::endian::native == std::endian::little, "64-bit little-endian ELF only");

}  // namespace

ElfFile::ElfFile(std::string contents, std::string place) : contents_(std::move(contents)), place_(std::move(place)) {
  if (contents_.size() < sizeof(Elf64_Ehdr) || std::memcmp(contents_.data(), ELFMAG, SELFMAG) != 0) {
    fail("not a shared object (no ELF header)");
  }
  const auto header = read<Elf64_Ehdr>(0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != this_machine) {
    fail(fmt::format("built for another processor (ELF machine {}); expected {}", header.e_machine, this_machine_name));
  }
  if (header.e_type != ET_DYN) fail("an ELF file, but not a shared object (build it with -shared -fPIC)");
  // The loader maps what the headers say, and touching what is not there ends the process: a file cut short is found
  // here.
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_phentsize != sizeof(Elf64_Phdr)) {
    fail("damaged: odd header sizes");
  }
  require_range(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr));
  require_range(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
  for (std::uint64_t p = 0; p < header.e_phnum; ++p) {
    const auto segment = read<Elf64_Phdr>(header.e_phoff + p * sizeof(Elf64_Phdr));
    if (segment.p_type == PT_LOAD) require_range(segment.p_offset, segment.p_filesz);
  }
}

template <typename Visit>
void ElfFile::visit_sections(std::uint32_t type, Visit visit) const {
  const auto header = read<Elf64_Ehdr>(0);
  for (std::uint64_t s = 0; s < header.e_shnum; ++s) {
    const auto section = read<Elf64_Shdr>(header.e_shoff + s * sizeof(Elf64_Shdr));
    if (section.sh_type != type) continue;
    visit(section, read<Elf64_Shdr>(header.e_shoff + section.sh_link * sizeof(Elf64_Shdr)));
  }
}

template <typename Visit>
void ElfFile::visit_dynamic_symbols(Visit visit) const {
  visit_sections(SHT_DYNSYM, [&](const Elf64_Shdr& section, const Elf64_Shdr& strings) {
    for (std::uint64_t i = 0; i < section.sh_size / sizeof(Elf64_Sym); ++i) {
      const auto entry = read<Elf64_Sym>(section.sh_offset + i * sizeof(Elf64_Sym));
      if (entry.st_name >= strings.sh_size) continue;
      visit(entry, text(strings.sh_offset + entry.st_name, strings.sh_size - entry.st_name));
    }
  });
}

std::optional<ElfFile::Datum> ElfFile::find_datum(std::string_view symbol) const {
  std::optional<Datum> found;
  visit_dynamic_symbols([&](const Elf64_Sym& entry, std::string_view name) {
    if (!found && entry.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(entry.st_info) == STT_OBJECT && name == symbol) {
      found = Datum{entry.st_size, bytes_at_address(entry.st_value, entry.st_size)};
    }
  });
  return found;
}

std::vector<std::string> ElfFile::strong_exports() const {
  std::vector<std::string> names;
  visit_dynamic_symbols([&](const Elf64_Sym& entry, std::string_view name) {
    const auto type = ELF64_ST_TYPE(entry.st_info);
    const auto visibility = ELF64_ST_VISIBILITY(entry.st_other);
    if (entry.st_shndx != SHN_UNDEF && ELF64_ST_BIND(entry.st_info) == STB_GLOBAL &&
        (type == STT_OBJECT || type == STT_FUNC) && (visibility == STV_DEFAULT || visibility == STV_PROTECTED)) {
      names.emplace_back(name);
    }
  });
  return names;
}

std::vector<std::string> ElfFile::imports() const {
  std::vector<std::string> names;
  visit_dynamic_symbols([&](const Elf64_Sym& entry, std::string_view name) {
    if (entry.st_shndx == SHN_UNDEF && !name.empty()) names.emplace_back(name);
  });
  return names;
}

template <typename Visit>
void ElfFile::visit_dynamic_entries(Visit visit) const {
  visit_sections(SHT_DYNAMIC, [&](const Elf64_Shdr& section, const Elf64_Shdr& strings) {
    for (std::uint64_t i = 0; i < section.sh_size / sizeof(Elf64_Dyn); ++i) {
      const auto entry = read<Elf64_Dyn>(section.sh_offset + i * sizeof(Elf64_Dyn));
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_un.d_val >= strings.sh_size) continue;
      visit(entry.d_tag,
            [&] { return text(strings.sh_offset + entry.d_un.d_val, strings.sh_size - entry.d_un.d_val); });
    }
  });
}

std::vector<std::string> ElfFile::needed_libraries() const {
  std::vector<std::string> names;
  visit_dynamic_entries([&](auto tag, auto text_of) {
    if (tag == DT_NEEDED) names.emplace_back(text_of());
  });
  return names;
}

std::string ElfFile::run_path() const {
  std::string old_kind, path;
  visit_dynamic_entries([&](auto tag, auto text_of) {
    if (tag == DT_RUNPATH) path = text_of();
    if (tag == DT_RPATH) old_kind = text_of();
  });
  return path.empty() ? old_kind : path;
}

template <typename T>
T ElfFile::read(std::uint64_t offset) const {
  require_range(offset, sizeof(T));
  T value;
  std::memcpy(&value, contents_.data() + offset, sizeof value);
  return value;
}

void ElfFile::require_range(std::uint64_t offset, std::uint64_t size) const {
  if (offset > contents_.size() || size > contents_.size() - offset) {
    fail("damaged or cut short: its headers point beyond its end");
  }
}

std::string_view ElfFile::text(std::uint64_t offset, std::uint64_t limit) const {
  require_range(offset, 0);
  const std::string_view rest = std::string_view(contents_).substr(offset, limit);
  return rest.substr(0, rest.find('\0'));
}

std::string_view ElfFile::bytes_at_address(std::uint64_t address, std::uint64_t size) const {
  const auto header = read<Elf64_Ehdr>(0);
  for (std::uint64_t p = 0; p < header.e_phnum; ++p) {
    const auto segment = read<Elf64_Phdr>(header.e_phoff + p * sizeof(Elf64_Phdr));
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz)
      continue;
    const std::uint64_t skipped = address - segment.p_vaddr;
    return std::string_view(contents_).substr(segment.p_offset + skipped, std::min(size, segment.p_filesz - skipped));
  }
  return {};  // zero-initialised data, which is not stored
}

void ElfFile::fail(const std::string& message) const {
  throw Error(ExitCode::bad_input, message, place_,
              "a solver plugin is a shared object built against <pathline/solver.h>; see docs/write-a-solver.md");
}

}  // namespace pathline::solvers
