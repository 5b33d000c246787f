/// Names of snapshot files, and which of them nobody needs.
#include "sagitta/index/index_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "vector/rows_file.h"

namespace sagitta::index {
namespace {

struct FileName {
  uint32_t id = 0;
  std::optional<uint32_t> number;  ///< of vectors
  bool aside = false;              ///< of an unfinished save
};

std::optional<FileName> parse_name(std::string_view name) {
  FileName parsed;
  if (name.ends_with(".tmp")) {
    parsed.aside = true;
    name.remove_suffix(4);
  }
  const char* end = name.data() + name.size();
  auto id = std::from_chars(name.data(), end, parsed.id);
  if (id.ec != std::errc()) return std::nullopt;
  if (id.ptr != end && *id.ptr == '-') {
    id = std::from_chars(id.ptr + 1, end, parsed.number.emplace());
    if (id.ec != std::errc()) return std::nullopt;
  }
  if (std::string_view(id.ptr, end) != (parsed.number ? ".vectors" : ".rows")) return std::nullopt;
  return parsed;
}

}  // namespace

Bytes SnapshotHeader::tag() const {
  Bytes out;
  put_big<uint32_t>(out, index_id);
  put_big<uint32_t>(out, number);
  for (const log::Offset offset : complete_to) put_big<uint64_t>(out, offset);
  return out;
}

std::string IndexFiles::rows_path(uint32_t id) const { return fmt::format("{}/{}.rows", directory_, id); }

std::string IndexFiles::vectors_path(const SnapshotHeader& header) const {
  return fmt::format("{}/{}-{}.vectors", directory_, header.index_id, header.number);
}

Result<uint32_t> IndexFiles::next_number(uint32_t id) const {
  SAGITTA_TRY(const auto names, files_.list(directory_));
  uint32_t number = 0;
  for (const std::string& name : names) {
    const auto parsed = parse_name(name);
    if (parsed && parsed->id == id && parsed->number) number = std::max(number, *parsed->number);
  }
  return number + 1;
}

void IndexFiles::tidy(const std::function<bool(uint32_t id)>& keep) const {
  const auto names = files_.list(directory_);
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    const auto parsed = parse_name(name);
    if (parsed && (parsed->aside || !keep(parsed->id))) (void)files_.remove(directory_ + "/" + name);
  }
}

Result<SnapshotHeader> IndexFiles::header(uint32_t id) const {
  RowsReader reader(rows_path(id));
  return reader.open(files_);
}

void IndexFiles::remove_unused(uint32_t id) const {
  const auto header = this->header(id);
  if (header) return remove(id, header->number);
  if (header.error().code() == ErrorCode::kNotFound) remove(id, std::nullopt);
}

void IndexFiles::remove(uint32_t id, std::optional<uint32_t> except) const {
  const auto names = files_.list(directory_);
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    const auto parsed = parse_name(name);
    if (!parsed || parsed->id != id) continue;
    const bool kept = except && !parsed->aside && (!parsed->number || parsed->number == except);
    if (!kept) (void)files_.remove(directory_ + "/" + name);
  }
}

}  // namespace sagitta::index
