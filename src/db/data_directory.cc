#include "data_directory.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <vector>

namespace sagitta::db {
namespace {

constexpr std::string_view kFirstLine = "sagitta data directory";
constexpr size_t kFormatBytesMax = 4096;

std::map<std::string, std::string, std::less<>> parse_lines(std::string_view text) {
  std::map<std::string, std::string, std::less<>> fields;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (size_t equals = line.find('='); equals != std::string_view::npos) {
      fields.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
  }
  return fields;
}

Result<uint32_t> number_field(const std::map<std::string, std::string, std::less<>>& fields, std::string_view name,
                              const std::string& path) {
  auto it = fields.find(name);
  uint32_t value = 0;
  if (it != fields.end()) {
    const std::string& text = it->second;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
  }
  return fail(ErrorCode::kCorruption, fmt::format("{}/FORMAT: no number for '{}'", path, name));
}

}  // namespace

std::string encode_directory_format(const DirectoryFormat& format) {
  return fmt::format("{}\nformat={}\nfeatures={}\nhost_id={}\npartitions={}\n", kFirstLine, format.format,
                     format.features, to_string(format.host_id), format.partitions);
}

Result<DirectoryFormat> decode_directory_format(std::string_view text, const std::string& path) {
  if (!text.starts_with(kFirstLine)) {
    return fail(ErrorCode::kCorruption, fmt::format("{}/FORMAT does not begin with '{}'", path, kFirstLine));
  }
  auto fields = parse_lines(text);
  DirectoryFormat format;
  SAGITTA_TRY(format.format, number_field(fields, "format", path));
  SAGITTA_TRY(format.features, number_field(fields, "features", path));
  if (format.format > kDirectoryFormat || format.features > kDirectoryFeatures) {
    return fail(
        ErrorCode::kFormat,
        fmt::format("{} was written by a newer version (format {}, features {}); this one reads up to {} and {}", path,
                    format.format, format.features, kDirectoryFormat, kDirectoryFeatures));
  }
  SAGITTA_TRY(format.partitions, number_field(fields, "partitions", path));
  auto host_id = Uuid::parse(fields["host_id"]);
  if (!host_id || format.partitions != 1) {
    return fail(ErrorCode::kCorruption, fmt::format("{}/FORMAT: bad host_id or partitions", path));
  }
  format.host_id = *host_id;
  return format;
}

Result<DataDirectory> open_data_directory(FileSystem& files, const std::string& path, Random& random) {
  DataDirectory directory;
  directory.path = path;
  SAGITTA_CHECK(files.make_directories(path));
  auto lock = files.lock(path + "/LOCK");
  if (!lock && lock.error().code() == ErrorCode::kLocked) {
    return fail(ErrorCode::kLocked, fmt::format("{} is in use by another process", path));
  }
  SAGITTA_TRY(directory.lock, std::move(lock));
  const std::string file = path + "/FORMAT";
  SAGITTA_TRY(bool known, files.exists(file));
  if (known) {
    SAGITTA_TRY(Bytes text, read_file(files, file, kFormatBytesMax));
    SAGITTA_TRY(directory.format, decode_directory_format(text, path));
    if (directory.format.features < kDirectoryFeatures) {
      directory.format.features = kDirectoryFeatures;
      SAGITTA_CHECK(write_file_atomically(files, file, encode_directory_format(directory.format)));
    }
  } else {
    SAGITTA_TRY(bool has_log, files.exists(path + "/log"));
    if (has_log) {
      return fail(ErrorCode::kCorruption, fmt::format("{} holds a log but no FORMAT file", path));
    }
    directory.format.host_id = Uuid::random(random);
    SAGITTA_CHECK(write_file_atomically(files, file, encode_directory_format(directory.format)));
  }
  SAGITTA_CHECK(files.make_directories(directory.log_path()));
  SAGITTA_CHECK(files.make_directories(directory.store_path(0)));
  SAGITTA_CHECK(files.make_directories(directory.index_path()));
  SAGITTA_CHECK(files.sync_directory(path + "/index"));
  SAGITTA_CHECK(files.sync_directory(path + "/store"));
  SAGITTA_CHECK(files.sync_directory(path));
  return directory;
}

}  // namespace sagitta::db
