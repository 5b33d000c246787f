// A file system in memory, with faults.
#include "sagitta/base/memory_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "memory_inode.h"

namespace sagitta {
namespace {

using InodePtr = std::shared_ptr<Inode>;

/// A creation, removal or rename: entries that change together. Null removes.
using Change = std::vector<std::pair<std::string, InodePtr>>;

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string clean(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  for (size_t at; (at = path.find("//")) != std::string::npos;) path.erase(at, 1);
  return path;
}

void apply_change(std::map<std::string, InodePtr>& entries, const Change& change) {
  for (const auto& [path, inode] : change) {
    if (inode == nullptr) {
      entries.erase(path);
    } else {
      entries[path] = inode;
    }
  }
}

class Files final : public MemoryFileSystem {
 public:
  Result<std::unique_ptr<AppendFile>> open_append(const std::string& raw, OpenMode mode) override;
  Result<std::unique_ptr<RandomFile>> open_random(const std::string& raw) override;
  Status rename(const std::string& raw_from, const std::string& raw_to) override;
  Status link(const std::string& raw_from, const std::string& raw_to) override;
  Status remove(const std::string& raw) override;
  Status truncate(const std::string& raw, uint64_t size) override;
  Status make_directories(const std::string& raw) override;
  Status remove_directory(const std::string& raw) override;
  Result<std::vector<std::string>> list(const std::string& raw) override;
  Status sync_directory(const std::string& raw) override;
  Result<bool> exists(const std::string& raw) override;
  Result<bool> is_directory(const std::string& raw) override;
  Result<uint64_t> file_size(const std::string& raw) override;
  Result<int64_t> modified_us(const std::string& raw) override;
  Result<uint64_t> free_bytes(const std::string& raw) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& raw) override;

  void crash(Random& random, CrashFaults faults) override;
  void limit_bytes(uint64_t bytes) override;
  void fail_sync(uint64_t nth) override;
  void stop_after(uint64_t count) override;
  Status flip_bit(const std::string& raw, uint64_t bit) override;
  Result<uint64_t> size_changes(const std::string& raw) override;

  /// Moves `end` on as far as it gets.
  Status write_to(Inode& inode, uint64_t generation, const std::string& path, uint64_t& end, BytesView bytes);
  Status reserve_in(Inode& inode, uint64_t generation, const std::string& path, uint64_t end);
  Status cut(Inode& inode, uint64_t generation, const std::string& path, uint64_t size);
  Status sync_inode(Inode& inode, uint64_t generation, const std::string& path);
  Result<size_t> read_from(const Inode& inode, uint64_t generation, uint64_t offset, size_t count, char* out);
  Result<uint64_t> size_of(const Inode& inode, uint64_t generation);
  void unlock(const std::string& path, uint64_t generation);

 private:
  Status alive(uint64_t generation) const {
    if (stopped_ || generation != generation_) return fail(ErrorCode::kIo, "the machine is down");
    return {};
  }
  /// To be called at the start of each mutating call.
  Status mutate(uint64_t generation) {
    SAGITTA_CHECK(alive(generation));
    if (calls_left_ == 0) stopped_ = true;
    if (calls_left_ != UINT64_MAX && calls_left_ > 0) --calls_left_;
    return alive(generation);
  }
  Status fault_sync(const std::string& path) {
    if (failing_sync_ == 0 || --failing_sync_ != 0) return {};
    return fail(ErrorCode::kIo, path + ": sync: injected fault");
  }
  Result<InodePtr> find(const std::string& path) const {
    const auto it = now_.find(path);
    if (it == now_.end()) return fail(ErrorCode::kNotFound, path + ": no such file");
    return it->second;
  }
  Status need_parent(const std::string& path) const {
    if (!directory_there(parent_of(path))) return fail(ErrorCode::kNotFound, parent_of(path) + ": no such directory");
    return {};
  }
  bool directory_there(const std::string& path) const {
    return path == "/" || path == "." || directories_.contains(path);
  }
  void change(Change entries) {
    apply_change(now_, entries);
    pending_.push_back(std::move(entries));
  }
  uint64_t bytes_held() const;
  uint64_t room() const;

  std::mutex mutex_;
  std::set<std::string> directories_;
  std::map<std::string, InodePtr> now_;
  std::map<std::string, InodePtr> durable_;
  /// Changes of entries that no sync_directory has covered, oldest first.
  std::vector<Change> pending_;
  std::map<std::string, uint64_t> locks_;
  uint64_t generation_ = 0;
  uint64_t limit_bytes_ = UINT64_MAX;
  uint64_t failing_sync_ = 0;
  uint64_t calls_left_ = UINT64_MAX;
  bool stopped_ = false;
  int64_t ticks_us_ = 0;
};

class MemoryAppendFile final : public AppendFile {
 public:
  MemoryAppendFile(Files& files, InodePtr inode, uint64_t generation, std::string path)
      : files_(files),
        inode_(std::move(inode)),
        generation_(generation),
        path_(std::move(path)),
        size_(inode_->now.size()) {}
  Status append(BytesView bytes) override { return files_.write_to(*inode_, generation_, path_, size_, bytes); }
  Status sync() override { return files_.sync_inode(*inode_, generation_, path_); }
  Status reserve(uint64_t bytes) override {
    reserved_end_ = std::max(reserved_end_, size_ + bytes);
    return files_.reserve_in(*inode_, generation_, path_, size_ + bytes);
  }
  Status close() override {
    return std::exchange(reserved_end_, 0) > size_ ? files_.cut(*inode_, generation_, path_, size_) : Status();
  }
  uint64_t size() const override { return size_; }

 private:
  Files& files_;
  const InodePtr inode_;
  const uint64_t generation_;
  const std::string path_;
  uint64_t size_;
  uint64_t reserved_end_ = 0;
};

class MemoryRandomFile final : public RandomFile {
 public:
  MemoryRandomFile(Files& files, InodePtr inode, uint64_t generation)
      : files_(files), inode_(std::move(inode)), generation_(generation) {}
  Result<size_t> read(uint64_t offset, size_t count, char* out) const override {
    return files_.read_from(*inode_, generation_, offset, count, out);
  }
  Result<uint64_t> size() const override { return files_.size_of(*inode_, generation_); }

 private:
  Files& files_;
  const InodePtr inode_;
  const uint64_t generation_;
};

class MemoryFileLock final : public FileLock {
 public:
  MemoryFileLock(Files& files, std::string path, uint64_t generation)
      : files_(files), path_(std::move(path)), generation_(generation) {}
  ~MemoryFileLock() override { files_.unlock(path_, generation_); }

 private:
  Files& files_;
  const std::string path_;
  const uint64_t generation_;
};

Result<std::unique_ptr<AppendFile>> Files::open_append(const std::string& raw, OpenMode mode) {
  std::lock_guard lock(mutex_);
  const std::string path = clean(raw);
  SAGITTA_CHECK(mutate(generation_));
  SAGITTA_CHECK(need_parent(path));
  if (directory_there(path)) return fail(ErrorCode::kIo, path + ": is a directory");
  InodePtr& inode = now_[path];
  if (inode == nullptr) {
    inode = std::make_shared<Inode>();
    pending_.push_back({{path, inode}});
  } else if (mode == OpenMode::kTruncate) {
    inode->truncate(0);
  }
  inode->modified_us = ++ticks_us_;
  return std::make_unique<MemoryAppendFile>(*this, inode, generation_, path);
}

Result<std::unique_ptr<RandomFile>> Files::open_random(const std::string& raw) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(alive(generation_));
  SAGITTA_TRY(InodePtr inode, find(clean(raw)));
  return std::make_unique<MemoryRandomFile>(*this, std::move(inode), generation_);
}

Status Files::rename(const std::string& raw_from, const std::string& raw_to) {
  std::lock_guard lock(mutex_);
  const std::string from = clean(raw_from), to = clean(raw_to);
  SAGITTA_CHECK(mutate(generation_));
  SAGITTA_TRY(InodePtr inode, find(from));
  SAGITTA_CHECK(need_parent(to));
  if (from != to) change({{from, nullptr}, {to, std::move(inode)}});
  return {};
}

Status Files::link(const std::string& raw_from, const std::string& raw_to) {
  std::lock_guard lock(mutex_);
  const std::string to = clean(raw_to);
  SAGITTA_CHECK(mutate(generation_));
  SAGITTA_TRY(InodePtr inode, find(clean(raw_from)));
  SAGITTA_CHECK(need_parent(to));
  if (now_.contains(to)) return fail(ErrorCode::kIo, to + ": link: exists");
  change({{to, std::move(inode)}});
  return {};
}

Status Files::remove(const std::string& raw) {
  std::lock_guard lock(mutex_);
  const std::string path = clean(raw);
  SAGITTA_CHECK(mutate(generation_));
  SAGITTA_CHECK(find(path));
  change({{path, nullptr}});
  return {};
}

Status Files::truncate(const std::string& raw, uint64_t size) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(mutate(generation_));
  SAGITTA_TRY(const InodePtr inode, find(clean(raw)));
  inode->truncate(size);
  inode->modified_us = ++ticks_us_;
  return {};
}

Status Files::make_directories(const std::string& raw) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(mutate(generation_));
  for (std::string path = clean(raw); !directory_there(path); path = parent_of(path)) {
    if (now_.contains(path)) return fail(ErrorCode::kIo, path + ": is a file");
    directories_.insert(path);
  }
  return {};
}

Status Files::remove_directory(const std::string& raw) {
  std::lock_guard lock(mutex_);
  const std::string path = clean(raw);
  SAGITTA_CHECK(mutate(generation_));
  const auto inside = [&](const std::string& other) { return parent_of(other) == path; };
  const bool empty = std::ranges::none_of(now_, inside, [](const auto& entry) { return entry.first; }) &&
                     std::ranges::none_of(directories_, inside);
  if (!empty) return fail(ErrorCode::kIo, path + ": directory not empty");
  if (directories_.erase(path) == 0) return fail(ErrorCode::kNotFound, path + ": no such directory");
  return {};
}

Result<std::vector<std::string>> Files::list(const std::string& raw) {
  std::lock_guard lock(mutex_);
  const std::string path = clean(raw);
  SAGITTA_CHECK(alive(generation_));
  if (!directory_there(path)) return fail(ErrorCode::kNotFound, path + ": no such directory");
  std::vector<std::string> names;
  const auto add = [&](const std::string& other) {
    if (other != path && parent_of(other) == path) names.push_back(other.substr(other.rfind('/') + 1));
  };
  for (const auto& [other, inode] : now_) add(other);
  for (const auto& other : directories_) add(other);
  std::ranges::sort(names);
  return names;
}

Status Files::sync_directory(const std::string& raw) {
  std::lock_guard lock(mutex_);
  const std::string path = clean(raw);
  SAGITTA_CHECK(mutate(generation_));
  SAGITTA_CHECK(fault_sync(path));
  if (!directory_there(path)) return fail(ErrorCode::kNotFound, path + ": no such directory");
  std::erase_if(pending_, [&](const Change& entries) {
    const bool covered = std::ranges::any_of(entries, [&](const auto& e) { return parent_of(e.first) == path; });
    if (covered) apply_change(durable_, entries);
    return covered;
  });
  return {};
}

Result<bool> Files::exists(const std::string& raw) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(alive(generation_));
  return now_.contains(clean(raw)) || directory_there(clean(raw));
}

Result<bool> Files::is_directory(const std::string& raw) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(alive(generation_));
  return directory_there(clean(raw));
}

Result<uint64_t> Files::file_size(const std::string& raw) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(alive(generation_));
  SAGITTA_TRY(const InodePtr inode, find(clean(raw)));
  return inode->now.size();
}

Result<int64_t> Files::modified_us(const std::string& raw) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(alive(generation_));
  SAGITTA_TRY(const InodePtr inode, find(clean(raw)));
  return inode->modified_us;
}

Result<uint64_t> Files::free_bytes(const std::string&) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(alive(generation_));
  const uint64_t held = bytes_held();
  return held > limit_bytes_ ? 0 : limit_bytes_ - held;
}

Result<std::unique_ptr<FileLock>> Files::lock(const std::string& raw) {
  std::lock_guard guard(mutex_);
  const std::string path = clean(raw);
  SAGITTA_CHECK(mutate(generation_));
  SAGITTA_CHECK(need_parent(path));
  if (!locks_.emplace(path, generation_).second) return fail(ErrorCode::kLocked, path + ": held by another process");
  if (!now_.contains(path)) change({{path, std::make_shared<Inode>()}});
  return std::make_unique<MemoryFileLock>(*this, path, generation_);
}

void Files::unlock(const std::string& path, uint64_t generation) {
  std::lock_guard lock(mutex_);
  if (generation == generation_) locks_.erase(path);
}

void Files::crash(Random& random, CrashFaults faults) {
  std::lock_guard lock(mutex_);
  // A journalling file system keeps changes of entries in order, so that a crash keeps a prefix of
  // them.
  const size_t kept = faults.tear ? random.below(pending_.size() + 1) : 0;
  for (size_t i = 0; i < kept; ++i) apply_change(durable_, pending_[i]);
  pending_.clear();
  now_ = durable_;
  std::set<InodePtr> done;
  for (const auto& [path, inode] : now_) {
    if (done.insert(inode).second) inode->crash(random, faults);
  }
  locks_.clear();
  ++generation_;
  failing_sync_ = 0;
  calls_left_ = UINT64_MAX;
  stopped_ = false;
}

void Files::limit_bytes(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  limit_bytes_ = bytes;
}

void Files::fail_sync(uint64_t nth) {
  std::lock_guard lock(mutex_);
  failing_sync_ = nth;
}

void Files::stop_after(uint64_t count) {
  std::lock_guard lock(mutex_);
  calls_left_ = count;
}

Status Files::flip_bit(const std::string& raw, uint64_t bit) {
  std::lock_guard lock(mutex_);
  SAGITTA_TRY(const InodePtr inode, find(clean(raw)));
  if (bit / 8 >= inode->now.size()) return fail(ErrorCode::kInvalid, fmt::format("{}: no bit {}", raw, bit));
  const auto flip = [bit](Bytes& bytes) {
    if (bit / 8 < bytes.size()) bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ static_cast<char>(1u << bit % 8));
  };
  flip(inode->now);
  flip(inode->durable);
  return {};
}

Result<uint64_t> Files::size_changes(const std::string& raw) {
  std::lock_guard lock(mutex_);
  SAGITTA_TRY(const InodePtr inode, find(clean(raw)));
  return inode->size_changes;
}

uint64_t Files::bytes_held() const {
  uint64_t held = 0;
  for (const auto& [path, inode] : now_) held += inode->now.size();
  return held;
}

uint64_t Files::room() const {
  if (limit_bytes_ == UINT64_MAX) return UINT64_MAX;
  const uint64_t held = bytes_held();
  return held > limit_bytes_ ? 0 : limit_bytes_ - held;
}

Status Files::write_to(Inode& inode, uint64_t generation, const std::string& path, uint64_t& end, BytesView bytes) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(mutate(generation));
  const uint64_t inside = std::min<uint64_t>(bytes.size(), inode.now.size() - std::min(end, inode.now.size()));
  const uint64_t behind = std::min(bytes.size() - inside, room());
  inode.write(end, bytes.substr(0, inside + behind));
  end += inside + behind;
  inode.modified_us = ++ticks_us_;
  if (inside + behind < bytes.size()) return fail(ErrorCode::kNoSpace, path + ": write: no space left");
  return {};
}

Status Files::reserve_in(Inode& inode, uint64_t generation, const std::string& path, uint64_t end) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(mutate(generation));
  const size_t size = inode.now.size();
  if (size >= end) return {};
  const uint64_t behind = std::min(end - size, room());
  inode.write(size, Bytes(behind, '\0'));
  if (size + behind < end) return fail(ErrorCode::kNoSpace, path + ": write: no space left");
  return {};
}

Status Files::cut(Inode& inode, uint64_t generation, const std::string& path, uint64_t size) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(mutate(generation));
  SAGITTA_CHECK(fault_sync(path));
  inode.truncate(size);
  inode.sync();
  return {};
}

Status Files::sync_inode(Inode& inode, uint64_t generation, const std::string& path) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(mutate(generation));
  SAGITTA_CHECK(fault_sync(path));
  inode.sync();
  return {};
}

Result<size_t> Files::read_from(const Inode& inode, uint64_t generation, uint64_t offset, size_t count, char* out) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(alive(generation));
  if (offset >= inode.now.size()) return size_t{0};
  const size_t got = std::min<size_t>(count, inode.now.size() - offset);
  std::memcpy(out, inode.now.data() + offset, got);
  return got;
}

Result<uint64_t> Files::size_of(const Inode& inode, uint64_t generation) {
  std::lock_guard lock(mutex_);
  SAGITTA_CHECK(alive(generation));
  return inode.now.size();
}

}  // namespace

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::make() { return std::make_unique<Files>(); }

}  // namespace sagitta
