/// Runs every `.test` file below test/cql as one test of its own. Options besides GoogleTest's:
/// --update writes what is seen into the files; --skipped runs what is marked `skip:` as well.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>

#include "sagitta/base/logging.h"

#include "script.h"
#include "session.h"

namespace sagitta::cql_test {
namespace {

using Lines = std::vector<std::string>;

struct RunOptions {
  bool update = false, skipped = false;
};
RunOptions run_options;
size_t skipped_count = 0;

Lines read_lines(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return split_lines(text.str());
}

std::string indented(const Lines& lines) { return fmt::format("    {}\n", fmt::join(lines, "\n    ")); }

class ScriptTest : public testing::Test {
 public:
  explicit ScriptTest(std::filesystem::path file) : file_(std::move(file)) {}

  void TestBody() override {
    const Lines lines = read_lines(file_);
    const auto paragraphs = parse_script(lines);
    ASSERT_TRUE(paragraphs) << file_.string() << ": " << paragraphs.error().message();
    Session session;
    for (const Paragraph& paragraph : *paragraphs) {
      if (paragraph.skip.empty() || run_options.skipped) check(paragraph, session.run(paragraph));
      skipped_count += !paragraph.skip.empty();
    }
    if (run_options.update && !changes_.empty()) write(with_expectations(lines, changes_));
  }

 private:
  void check(const Paragraph& paragraph, Lines seen) {
    const Step& step = paragraph.steps.back();
    const std::string place = fmt::format("{}:{}", file_.string(), step.line);
    if (is_expected(paragraph, seen)) {
      if (!paragraph.skip.empty()) fmt::print("{}: passes, though skipped for: {}\n", place, paragraph.skip);
      return;
    }
    if (run_options.update && paragraph.skip.empty()) {
      fmt::print("{}: updated\n", place);
      changes_.emplace_back(&paragraph, std::move(seen));
      return;
    }
    ADD_FAILURE_AT(file_.c_str(), static_cast<int>(step.line)) << step.text << "\n  expected:\n"
                                                               << indented(paragraph.expected) << "  seen:\n"
                                                               << indented(seen);
  }

  void write(const Lines& lines) {
    std::ofstream out(file_);
    out << fmt::format("{}\n", fmt::join(lines, "\n"));
    ASSERT_TRUE(out.good()) << file_;
  }

  std::filesystem::path file_;
  std::vector<std::pair<const Paragraph*, Lines>> changes_;
};

void register_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".test") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  for (const auto& file : files) {
    const std::string name = file.lexically_relative(folder).replace_extension().string();
    testing::RegisterTest("Cql", name.c_str(), nullptr, nullptr, file.c_str(), 1,
                          [file] { return new ScriptTest(file); });
  }
}

}  // namespace
}  // namespace sagitta::cql_test

int main(int argc, char** argv) {
  using namespace sagitta::cql_test;
  testing::InitGoogleTest(&argc, argv);
  for (const std::string_view option : std::span(argv, static_cast<size_t>(argc)).subspan(1)) {
    run_options.update |= option == "--update";
    run_options.skipped |= option == "--skipped";
  }
  sagitta::set_log_level("error");
  register_files(std::filesystem::path(SAGITTA_SOURCE_DIR) / "test" / "cql");
  const int failed = RUN_ALL_TESTS();
  if (skipped_count > 0) fmt::print("{} paragraphs are marked skip:\n", skipped_count);
  return failed;
}
