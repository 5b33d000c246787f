#include "sagitta/base/file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "sagitta/base/memory_file.h"

namespace sagitta {
namespace {

using OpenMode = FileSystem::OpenMode;

void write_file(FileSystem& files, const std::string& path, BytesView content, bool sync) {
  auto file = files.open_append(path, OpenMode::kAppend);
  ASSERT_TRUE(file) << file.error().to_string();
  ASSERT_TRUE((*file)->append(content));
  if (sync) {
    ASSERT_TRUE((*file)->sync());
  }
}

/// Both file systems keep the same contract.
class AnyFileSystem : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      files_ = make_real_file_system();
      root_ = (std::filesystem::temp_directory_path() / ("sagitta_file_test_" + std::to_string(::getpid()))).string();
    } else {
      files_ = MemoryFileSystem::make();
      root_ = "/tmp/sagitta";
    }
    ASSERT_TRUE(files_->make_directories(root_ + "/a/b"));
  }
  void TearDown() override {
    if (GetParam()) std::filesystem::remove_all(root_);
  }
  std::string at(const std::string& name) const { return root_ + "/" + name; }

  std::unique_ptr<FileSystem> files_;
  std::string root_;
};

TEST_P(AnyFileSystem, WritesReadsAndLists) {
  ASSERT_TRUE(write_file_atomically(*files_, at("x"), "hello"));
  ASSERT_TRUE(write_file_atomically(*files_, at("x"), "hello again"));
  EXPECT_EQ(read_file(*files_, at("x")).value(), "hello again");
  EXPECT_EQ(read_file(*files_, at("x"), 3).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(read_file(*files_, at("y")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(files_->list(root_).value(), (std::vector<std::string>{"a", "x"}));
  EXPECT_TRUE(files_->is_directory(at("a/b")).value());
  EXPECT_FALSE(files_->is_directory(at("x")).value());
  EXPECT_FALSE(files_->exists(at("nothing")).value());
  char buffer[8];
  auto file = files_->open_random(at("x"));
  EXPECT_EQ((*file)->read(6, 8, buffer).value(), 5u);
  EXPECT_EQ(std::string_view(buffer, 5), "again");
  EXPECT_EQ((*file)->read(99, 8, buffer).value(), 0u);
}

TEST_P(AnyFileSystem, MapsPrivatePages) {
  Bytes content(3 * kPageBytes + 7, 'a');
  content[2 * kPageBytes] = 'b';
  write_file(*files_, at("x"), content, true);
  char* const memory =
      static_cast<char*>(::mmap(nullptr, 4 * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  memory[3 * kPageBytes] = 'z';
  auto file = files_->open_random(at("x"));
  ASSERT_TRUE((*file)->map(kPageBytes, 2 * kPageBytes + 7, memory));
  EXPECT_EQ(BytesView(memory, 2 * kPageBytes + 7), BytesView(content).substr(kPageBytes));
  EXPECT_EQ(memory[2 * kPageBytes + 7], '\0');
  EXPECT_EQ(memory[3 * kPageBytes], 'z');
  memory[0] = 'c';
  EXPECT_EQ(read_file(*files_, at("x")).value(), content);
  EXPECT_EQ((*file)->map(kPageBytes, 2 * kPageBytes + 8, memory).error().code(), ErrorCode::kCorruption);
  EXPECT_EQ((*file)->map(4 * kPageBytes, 1, memory).error().code(), ErrorCode::kCorruption);
  ::munmap(memory, 4 * kPageBytes);
}

TEST_P(AnyFileSystem, AppendsTruncatesRenamesRemoves) {
  write_file(*files_, at("x"), "12345", true);
  write_file(*files_, at("x"), "678", true);
  EXPECT_EQ(files_->file_size(at("x")).value(), 8u);
  ASSERT_TRUE(files_->truncate(at("x"), 2));
  ASSERT_TRUE(files_->link(at("x"), at("linked")));
  EXPECT_FALSE(files_->link(at("x"), at("linked")));
  ASSERT_TRUE(files_->rename(at("x"), at("a/y")));
  EXPECT_EQ(read_file(*files_, at("a/y")).value(), "12");
  EXPECT_EQ(read_file(*files_, at("linked")).value(), "12");
  EXPECT_FALSE(files_->remove_directory(at("a")));
  ASSERT_TRUE(files_->remove(at("a/y")));
  EXPECT_EQ(files_->remove(at("a/y")).error().code(), ErrorCode::kNotFound);
  ASSERT_TRUE(files_->remove_directory(at("a/b")));
  ASSERT_TRUE(files_->remove_directory(at("a")));
  EXPECT_EQ(files_->open_append(at("a/z"), OpenMode::kTruncate).error().code(), ErrorCode::kNotFound);
}

TEST_P(AnyFileSystem, AppendsGoOverReservedZeros) {
  write_file(*files_, at("x"), "12", true);
  auto file = files_->open_append(at("x"), OpenMode::kAppend).value();
  ASSERT_TRUE(file->reserve(6));
  EXPECT_EQ(file->size(), 2u);
  EXPECT_EQ(read_file(*files_, at("x")).value(), Bytes("12\0\0\0\0\0\0", 8));
  ASSERT_TRUE(file->append("345"));
  EXPECT_EQ(file->size(), 5u);
  EXPECT_EQ(read_file(*files_, at("x")).value(), Bytes("12345\0\0\0", 8));
  ASSERT_TRUE(file->reserve(1)) << "there already";
  EXPECT_EQ(files_->file_size(at("x")).value(), 8u);
  ASSERT_TRUE(file->append("678901"));
  EXPECT_EQ(read_file(*files_, at("x")).value(), "12345678901");
  ASSERT_TRUE(file->reserve(100'000));
  EXPECT_EQ(files_->file_size(at("x")).value(), 100'011u);
  ASSERT_TRUE(file->append("2"));
  ASSERT_TRUE(file->close());
  EXPECT_EQ(read_file(*files_, at("x")).value(), "123456789012");
}

TEST_P(AnyFileSystem, WhatIsReservedStaysWithoutAClose) {
  auto file = files_->open_append(at("x"), OpenMode::kTruncate).value();
  ASSERT_TRUE(file->reserve(4));
  ASSERT_TRUE(file->append("1"));
  file.reset();
  EXPECT_EQ(read_file(*files_, at("x")).value(), Bytes("1\0\0\0", 4));
  write_file(*files_, at("x"), "5", true);
  EXPECT_EQ(read_file(*files_, at("x")).value(), Bytes("1\0\0\0"
                                                       "5",
                                                       5))
      << "the zeros are bytes to the next writer";
}

TEST_P(AnyFileSystem, ALockHasOneHolder) {
  auto lock = files_->lock(at("lock"));
  ASSERT_TRUE(lock);
  EXPECT_EQ(files_->lock(at("lock")).error().code(), ErrorCode::kLocked);
  lock->reset();
  EXPECT_TRUE(files_->lock(at("lock")));
}

INSTANTIATE_TEST_SUITE_P(Both, AnyFileSystem, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Real" : "Memory"; });

class Crash : public testing::Test {
 protected:
  Crash() { EXPECT_TRUE(files_->make_directories("/d")); }
  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  SeededRandom random_{7};
};

TEST_F(Crash, KeepsWhatWasSyncedAndOnlyThat) {
  write_file(*files_, "/d/kept", "synced", true);
  write_file(*files_, "/d/kept", " and not", false);
  ASSERT_TRUE(files_->sync_directory("/d"));
  write_file(*files_, "/d/gone", "synced, but its entry is not", true);
  auto open = files_->open_append("/d/kept", OpenMode::kAppend);
  auto lock = files_->lock("/d/lock");
  files_->crash(random_, {.tear = false});
  EXPECT_EQ(read_file(*files_, "/d/kept").value(), "synced");
  EXPECT_FALSE(files_->exists("/d/gone").value());
  EXPECT_EQ((*open)->append("x").error().code(), ErrorCode::kIo);
  EXPECT_TRUE(files_->lock("/d/lock"));
}

TEST_F(Crash, TearsAndGarblesOnlyTheUnsyncedTail) {
  bool torn = false, garbled = false;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(write_file_atomically(*files_, "/d/f", "synced"));
    write_file(*files_, "/d/f", "0123456789", false);
    files_->crash(random_, {.tear = true, .garble = true});
    const Bytes content = read_file(*files_, "/d/f").value();
    ASSERT_EQ(content.substr(0, 6), "synced");
    ASSERT_LE(content.size(), 16u);
    torn |= content.size() > 6 && content.size() < 16;
    garbled |= Bytes("synced0123456789").substr(0, content.size()) != content;
  }
  EXPECT_TRUE(torn);
  EXPECT_TRUE(garbled);
}

TEST_F(Crash, ReservedBytesKeepTheirSizeAndAnySectorsOfWhatWasWritten) {
  bool first_lost = false, first_kept = false, garbled = false;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(write_file_atomically(*files_, "/d/f", Bytes(100, 's')));
    auto file = files_->open_append("/d/f", OpenMode::kAppend).value();
    ASSERT_TRUE(file->reserve(4000));
    ASSERT_TRUE(file->append("synced too"));
    ASSERT_TRUE(file->sync());
    const uint64_t changes = files_->size_changes("/d/f").value();
    ASSERT_TRUE(file->append(Bytes(2000, 'x')));
    EXPECT_EQ(files_->size_changes("/d/f").value(), changes);
    files_->crash(random_, {.tear = i % 5 != 0, .garble = i % 2 == 0});
    const Bytes content = read_file(*files_, "/d/f").value();
    ASSERT_EQ(content.size(), 4100u);
    ASSERT_EQ(content.substr(0, 110), Bytes(100, 's') + "synced too");
    ASSERT_EQ(content.substr(2110), Bytes(1990, '\0'));
    const bool first = content[111] == 'x', last = content[2109] == 'x';
    first_kept |= first && !last;
    first_lost |= last && !first;
    garbled |= content.find_first_not_of(Bytes("\0x", 2), 110) != Bytes::npos;
    if (i % 5 == 0) {
      EXPECT_EQ(content.substr(110), Bytes(3990, '\0'));
    }
  }
  EXPECT_TRUE(first_lost);
  EXPECT_TRUE(first_kept);
  EXPECT_TRUE(garbled);
}

TEST_F(Crash, ReservedBytesThatWereNotSyncedMayBeGone) {
  size_t shortest = SIZE_MAX, longest = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(write_file_atomically(*files_, "/d/f", "synced"));
    auto file = files_->open_append("/d/f", OpenMode::kAppend).value();
    ASSERT_TRUE(file->reserve(1000));
    files_->crash(random_, {.tear = true});
    const Bytes content = read_file(*files_, "/d/f").value();
    ASSERT_EQ(content, "synced" + Bytes(content.size() - 6, '\0'));
    shortest = std::min(shortest, content.size());
    longest = std::max(longest, content.size());
    EXPECT_EQ(file->reserve(2000).error().code(), ErrorCode::kIo);
    EXPECT_EQ(file->close().error().code(), ErrorCode::kIo);
  }
  EXPECT_LT(shortest, 200u);
  EXPECT_GT(longest, 800u);
}

TEST_F(Crash, AnAtomicWriteShowsTheOldOrTheNewAtEveryCall) {
  for (uint64_t calls = 0; calls < 8; ++calls) {
    ASSERT_TRUE(write_file_atomically(*files_, "/d/f", "old"));
    files_->stop_after(calls);
    const bool done = write_file_atomically(*files_, "/d/f", "new").has_value();
    files_->crash(random_, {.tear = true, .garble = true});
    const Bytes content = read_file(*files_, "/d/f").value();
    EXPECT_TRUE(content == "new" || (!done && content == "old")) << calls << ": " << content;
    if (calls == 0) {
      EXPECT_EQ(content, "old");
    }
  }
}

TEST_F(Crash, FaultsHitWhenToldTo) {
  auto file = files_->open_append("/d/f", OpenMode::kTruncate).value();
  files_->fail_sync(2);
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(file->sync().error().code(), ErrorCode::kIo);
  EXPECT_TRUE(file->sync());
  files_->limit_bytes(4);
  EXPECT_EQ(file->append("123456").error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(read_file(*files_, "/d/f").value(), "1234");
  EXPECT_EQ(file->reserve(2).error().code(), ErrorCode::kNoSpace);
  files_->limit_bytes(7);
  EXPECT_EQ(file->reserve(20).error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(read_file(*files_, "/d/f").value(), Bytes("1234\0\0\0", 7));
  EXPECT_TRUE(file->append("567"));
  ASSERT_TRUE(files_->flip_bit("/d/f", 8));
  EXPECT_EQ(read_file(*files_, "/d/f").value(), "1334567");
}

}  // namespace
}  // namespace sagitta
