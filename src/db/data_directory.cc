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

template <class Number = uint32_t>
Result<Number> number_field(const std::map<std::string, std::string, std::less<>>& fields, std::string_view name,
                            const std::string& path) {
  auto it = fields.find(name);
  Number value = 0;
  if (it != fields.end()) {
    const std::string& text = it->second;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
  }
  return fail(ErrorCode::kCorruption, fmt::format("{}/FORMAT: no number for '{}'", path, name));
}

Status check_partitions(const DirectoryFormat& format, std::optional<uint32_t> wanted, const std::string& path) {
  if (!wanted || *wanted == format.partitions) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("{} has {} log partitions, not {}: their number is fixed when a directory is made; "
                          "to change it, export and load into a new directory",
                          path, format.partitions, *wanted));
}

}  // namespace

std::string encode_directory_format(const DirectoryFormat& format) {
  std::string text = fmt::format("{}\nformat={}\nfeatures={}\nhost_id={}\npartitions={}\n", kFirstLine, format.format,
                                 format.features, to_string(format.host_id), format.partitions);
  if (format.timeuuids_from_us != 0) text += fmt::format("timeuuids_from={}\n", format.timeuuids_from_us);
  return text;
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
  const bool is_one = format.format == kOnePartitionFormat;
  if (!host_id || (is_one ? format.partitions != 1 : format.partitions < 2 || format.partitions > kPartitionsMax)) {
    return fail(ErrorCode::kCorruption, fmt::format("{}/FORMAT: bad host_id or partitions", path));
  }
  format.host_id = *host_id;
  if (fields.contains("timeuuids_from")) {
    SAGITTA_TRY(format.timeuuids_from_us, number_field<int64_t>(fields, "timeuuids_from", path));
  }
  return format;
}

Status save_format(FileSystem& files, const DataDirectory& directory) {
  return write_file_atomically(files, directory.path + "/FORMAT", encode_directory_format(directory.format));
}

Result<DataDirectory> open_data_directory(FileSystem& files, const std::string& path, Random& random,
                                          std::optional<uint32_t> partitions) {
  if (partitions && (*partitions < 1 || *partitions > kPartitionsMax)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{} log partitions: there may be 1 to {}", *partitions, kPartitionsMax));
  }
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
    SAGITTA_CHECK(check_partitions(directory.format, partitions, path));
    if (directory.format.features < kDirectoryFeatures) {
      directory.format.features = kDirectoryFeatures;
      SAGITTA_CHECK(save_format(files, directory));
    }
  } else {
    SAGITTA_TRY(bool has_log, files.exists(path + "/log"));
    if (has_log) {
      return fail(ErrorCode::kCorruption, fmt::format("{} holds a log but no FORMAT file", path));
    }
    directory.format.host_id = Uuid::random(random);
    directory.format.partitions = partitions.value_or(1);
    if (directory.format.partitions > 1) directory.format.format = kDirectoryFormat;
    SAGITTA_CHECK(save_format(files, directory));
  }
  for (uint32_t i = 0; i < directory.format.partitions; ++i) {
    SAGITTA_CHECK(files.make_directories(fmt::format("{}/{}", directory.log_path(), i)));
    SAGITTA_CHECK(files.make_directories(directory.store_path(i)));
  }
  if (directory.format.partitions > 1) {
    SAGITTA_CHECK(files.make_directories(directory.meta_path() + "/0"));
    SAGITTA_CHECK(files.make_directories(directory.batch_path() + "/0"));
    SAGITTA_CHECK(files.sync_directory(directory.meta_path()));
    SAGITTA_CHECK(files.sync_directory(directory.batch_path()));
  }
  SAGITTA_CHECK(files.make_directories(directory.index_path()));
  SAGITTA_CHECK(files.sync_directory(path + "/index"));
  SAGITTA_CHECK(files.sync_directory(path + "/store"));
  SAGITTA_CHECK(files.sync_directory(path));
  return directory;
}

}  // namespace sagitta::db
