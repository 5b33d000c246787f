#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "sagitta/bench/dataset.h"
#include "sagitta/bench/matrix.h"
#include "sagitta/bench/measure.h"
#include "sagitta/bench/subject.h"

namespace sagitta::bench {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kSeed = 7;

std::string temporary(const std::string& name) { return ::testing::TempDir() + "sagitta_bench_" + name; }

TEST(MatrixFile, GivesBackWhatWasWritten) {
  const std::string path = temporary("written.fbin");
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  ASSERT_TRUE(write_matrix(path, Floats{values.data(), 2, 3}));
  const auto file = MatrixFile::open(path);
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->floats().count, 2U);
  EXPECT_THAT(file->floats().row(1), ElementsAre(4, 5, 6));
}

TEST(MatrixFile, RefusesSizesThatAreNotTheHeaders) {
  const std::string path = temporary("wrong.fbin");
  EXPECT_EQ(MatrixFile::open(path + ".none").error().code(), ErrorCode::kNotFound);
  const auto refuses = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    const auto file = MatrixFile::open(path);
    return !file && file.error().code() == ErrorCode::kCorruption;
  };
  EXPECT_TRUE(refuses(""));
  EXPECT_TRUE(refuses("1234567"));
  const std::string two_by_one("\2\0\0\0\1\0\0\0", 8);
  EXPECT_TRUE(refuses(two_by_one));
  EXPECT_TRUE(refuses(two_by_one + "12345678 "));
  EXPECT_FALSE(refuses(two_by_one + "12345678"));
  EXPECT_TRUE(refuses(std::string("\2\0\0\0\0\0\0\0", 8)));
  EXPECT_TRUE(refuses(std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8)));
}

TEST(Generator, DependsOnSeedAndRowOnly) {
  for (const char* name : {"clustered128", "embed768", "copies", "lengths"}) {
    const auto one = make_generator(name, kSeed).value();
    const auto two = make_generator(name, kSeed).value();
    EXPECT_EQ(one->rows(0, 50, 2).values, two->rows(0, 50, 1).values);
    EXPECT_THAT(two->rows(20, 1, 1).view().row(0), ::testing::ElementsAreArray(one->rows(0, 50, 1).view().row(20)));
    EXPECT_NE(one->rows(0, 5, 1).values, make_generator(name, kSeed + 1).value()->rows(0, 5, 1).values);
    EXPECT_NE(one->rows(0, 5, 1).values, one->queries(5, 1).values);
    EXPECT_NE(one->rows(0, 5, 1).values, one->rows(0, 5, 1, 0.5F).values);
  }
  EXPECT_FALSE(make_generator("other", kSeed));
}

TEST(Generator, EmbeddingsHaveUnitLength) {
  const Matrix rows = make_generator("embed768", kSeed).value()->rows(0, 20, 1);
  for (size_t i = 0; i < rows.view().count; ++i) {
    double squares = 0;
    for (const float value : rows.view().row(i)) squares += double{value} * double{value};
    EXPECT_NEAR(squares, 1, 1e-4);
  }
}

TEST(Generator, EveryThirdOfCopiesIsShared) {
  const Matrix rows = make_generator("copies", kSeed).value()->rows(0, 600, 2);
  const Equals equals(rows.view());
  std::set<uint32_t> shared;
  for (uint32_t row = 0; row < 600; ++row) {
    if (row % 3 == 2) {
      shared.insert(equals.first(row));
    } else {
      EXPECT_EQ(equals.first(row), row);
    }
  }
  EXPECT_GT(shared.size(), 20U);
  EXPECT_LE(shared.size(), 40U);
}

TEST(Generator, LengthsDiffer) {
  const auto generator = make_generator("lengths", kSeed).value();
  EXPECT_EQ(generator->metric(), ann::Metric::kDot);
  const Matrix rows = generator->rows(0, 500, 2);
  double logs = 0, squares = 0;
  for (size_t i = 0; i < 500; ++i) {
    double length = 0;
    for (const float value : rows.view().row(i)) length += double{value} * double{value};
    logs += std::log(length) / 2;
    squares += std::log(length) * std::log(length) / 4;
  }
  EXPECT_NEAR(logs / 500, 0, 0.1);
  EXPECT_NEAR(std::sqrt(squares / 500), 0.4, 0.05);
}

TEST(Truth, IsSortedAndOfTheListedRowsOnly) {
  const std::vector<float> base{0, 1, 2, 3, 4, 5};
  const std::vector<float> query{2.2F};
  const Floats rows{base.data(), 6, 1}, queries{query.data(), 1, 1};
  EXPECT_THAT(exact_neighbours(ann::Metric::kL2, rows, queries, 3, 2).ids, ElementsAre(2, 3, 1));
  const std::vector<uint32_t> some{0, 4, 5};
  EXPECT_THAT(exact_neighbours(ann::Metric::kL2, rows, queries, 2, 1, some).ids, ElementsAre(4, 0));
  EXPECT_THAT(exact_neighbours(ann::Metric::kDot, rows, queries, 2, 1).ids, ElementsAre(5, 4));
}

TEST(Truth, KnowsTheDimensionOfAPlane) {
  std::vector<float> base;
  for (size_t i = 0; i < 10'000; ++i) {
    base.push_back(static_cast<float>(i % 100));
    base.push_back(static_cast<float>(i / 100));
    base.push_back(0);
  }
  const std::vector<float> query{50.3F, 49.8F, 0};
  const Truth truth = exact_neighbours(ann::Metric::kL2, {base.data(), 10'000, 3}, {query.data(), 1, 3}, 500, 1);
  EXPECT_NEAR(local_intrinsic_dimension(ann::Metric::kL2, truth), 2, 0.1);
}

TEST(Measure, RecallCountsTheFirstK) {
  const std::vector<uint32_t> truth{1, 2, 3, 4}, found{3, 9, 1};
  EXPECT_DOUBLE_EQ(recall_of(truth, found, 2), 0.5);
  EXPECT_DOUBLE_EQ(recall_of(truth, found, 4), 0.5);
  EXPECT_DOUBLE_EQ(recall_of(truth, {}, 4), 0);
  EXPECT_DOUBLE_EQ(recall_of({}, found, 4), 1);
}

TEST(Measure, EqualRowsCountForOneAnother) {
  const std::vector<float> base{1, 2, 1, 1, 3};
  const Equals equals({base.data(), 5, 1});
  EXPECT_THAT((std::vector{equals.first(0), equals.first(1), equals.first(2), equals.first(3), equals.first(4)}),
              ElementsAre(0, 1, 0, 0, 4));
  const std::vector<uint32_t> truth{0, 2, 1}, copies{3, 0, 2}, same{3, 3, 4};
  EXPECT_DOUBLE_EQ(recall_of(truth, copies, 3, equals), 2.0 / 3);
  EXPECT_DOUBLE_EQ(recall_of(truth, copies, 2, equals), 1);
  EXPECT_DOUBLE_EQ(recall_of(truth, same, 3, equals), 2.0 / 3);
  EXPECT_DOUBLE_EQ(recall_of(truth, copies, 3), 2.0 / 3);
  EXPECT_DOUBLE_EQ(recall_of(truth, same, 3), 0);
}

TEST(Measure, InterpolatesOnTheParetoFrontOnly) {
  const std::vector<Point> points{{0.8, 1000}, {0.9, 100}, {0.85, 10}, {0.95, 50}};
  EXPECT_EQ(pareto_front(points).size(), 3U);
  EXPECT_NEAR(at_recall(points, 0.85).value(), 316.2, 0.1);
  EXPECT_DOUBLE_EQ(at_recall(points, 0.5).value(), 1000);
  EXPECT_DOUBLE_EQ(at_recall(points, 0.95).value(), 50);
  EXPECT_FALSE(at_recall(points, 0.96));
}

TEST(Measure, Percentiles) {
  std::vector<double> values{5, 1, 4, 2, 3};
  EXPECT_EQ(percentile(values, 0.5), 3);
  EXPECT_EQ(percentile(values, 0.99), 5);
  EXPECT_EQ(median({}), 0);
}

TEST(Beams, AreAscendingNumbers) {
  EXPECT_THAT(parse_beams("10,20,40").value(), ElementsAre(10, 20, 40));
  EXPECT_TRUE(parse_beams(kDefaultBeams));
  for (const char* wrong : {"", "0", "10,", "20,10", "10,10", "5000", "ten", "10 20", "-1"}) {
    EXPECT_FALSE(parse_beams(wrong)) << wrong;
  }
}

TEST(Subject, FindsEveryRowByItsNumber) {
  const auto generator = make_generator("clustered128", kSeed).value();
  const Matrix base = generator->rows(0, 300, 2);
  auto subject = Subject::make({.dim = 128, .metric = ann::Metric::kL2, .link_threads = 0}).value();
  ASSERT_TRUE(subject->build(base.view(), 2));
  SubjectSearcher searcher(*subject, rescoring_params(*subject, base.view(), 2));
  for (uint32_t row = 0; row < 300; row += 7) {
    uint32_t nearest = UINT32_MAX;
    ASSERT_EQ(searcher.search(base.view().row(row), 100, {&nearest, 1}), 1U);
    EXPECT_EQ(nearest, row);
  }
  ASSERT_TRUE(subject->fill_fresh(base.view()));
  ASSERT_TRUE(subject->erase(7));
  uint32_t nearest = UINT32_MAX;
  ASSERT_EQ(searcher.search(base.view().row(14), 100, {&nearest, 1}), 1U);
  EXPECT_EQ(nearest, 14U);
  ASSERT_EQ(searcher.search(base.view().row(7), 100, {&nearest, 1}), 1U);
  EXPECT_NE(nearest, 7U);
}

TEST(Subject, MeasuresItsRecall) {
  const auto generator = make_generator("embed768", kSeed).value();
  const Matrix base = generator->rows(0, 200, 2), queries = generator->queries(20, 2);
  const Truth truth = exact_neighbours(generator->metric(), base.view(), queries.view(), 10, 2);
  auto subject = Subject::make({.dim = 768, .link_threads = 0}).value();
  ASSERT_TRUE(subject->build(base.view(), 2));
  SubjectSearcher searcher(*subject, {});
  const BeamResult result = measure_beam(searcher, queries.view(), truth.view(), 10, 200);
  EXPECT_GT(result.recall, 0.95);
  EXPECT_GT(result.qps, 0);
  EXPECT_GE(result.p99_us, result.p50_us);
}

}  // namespace
}  // namespace sagitta::bench
