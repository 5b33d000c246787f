// Finds where the log ends, and leaves its last segment whole and durable.
#include "recovery.h"

#include <fmt/format.h>

#include <utility>

#include "sagitta/base/logging.h"

namespace sagitta::log {
namespace {

Result<std::vector<Offset>> list_bases(FileSystem& files, const std::string& directory) {
  SAGITTA_TRY(const auto names, files.list(directory));
  std::vector<Offset> bases;
  for (const std::string& name : names) {
    if (const auto base = parse_segment_name(name)) bases.push_back(*base);
  }
  return bases;
}

Status cut_tail(FileSystem& files, const Scan& scan) {
  if (scan.torn_bytes > 0) {
    log_warn("torn log tail cut off",
             {{"file", scan.segment.path}, {"position", scan.segment.bytes}, {"bytes", scan.torn_bytes}});
  }
  if (scan.torn_bytes + scan.reserved_bytes == 0) return {};
  return files.truncate(scan.segment.path, scan.segment.bytes);
}

}  // namespace

Result<Recovered> recover(FileSystem& files, const std::string& directory) {
  SAGITTA_CHECK(files.make_directories(directory));
  SAGITTA_TRY(std::vector<Offset> bases, list_bases(files, directory));
  const auto path_of = [&](Offset base) { return directory + "/" + segment_name(base); };
  Recovered recovered;
  for (size_t i = 0; i < bases.size(); ++i) {
    if (i > 0 && bases[i] != recovered.end) {
      return fail(ErrorCode::kCorruption, fmt::format("{}: records {} to {} are missing before it", path_of(bases[i]),
                                                      recovered.end, bases[i]));
    }
    SAGITTA_TRY(Scan scan, scan_segment(files, path_of(bases[i]), bases[i], i + 1 == bases.size()));
    SAGITTA_CHECK(cut_tail(files, scan));
    recovered.torn |= scan.torn_bytes > 0;
    recovered.end = scan.next;
    recovered.segments.push_back(std::move(scan.segment));
  }
  if (bases.empty()) recovered.segments.push_back({.path = path_of(0), .base = 0, .bytes = 0, .index = {}});
  // A killed process may have left records that were written but not synced: what is served must be
  // durable.
  SAGITTA_TRY(recovered.active, files.open_append(recovered.segments.back().path, FileSystem::OpenMode::kAppend));
  SAGITTA_CHECK(recovered.active->sync());
  SAGITTA_CHECK(files.sync_directory(directory));
  return recovered;
}

}  // namespace sagitta::log
