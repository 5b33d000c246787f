/// Which batches are warned of.
#include "batch_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sagitta::db {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using types::BatchKind;

/// So many writes of `bytes` each, over `partitions`, of a table that is gone.
std::vector<rows::Mutation> writes(size_t count, size_t partitions, size_t bytes) {
  std::vector<rows::Mutation> out(count);
  for (size_t i = 0; i < count; ++i) {
    out[i].table_id = 7;
    out[i].partition_key = std::to_string(i % partitions);
    out[i].rows.emplace_back().cells.emplace_back().value = Bytes(bytes, 'x');
  }
  return out;
}

std::vector<std::string> warnings(BatchKind kind, size_t count, size_t partitions, size_t bytes) {
  return batch_warnings(schema::Schema(), kind, writes(count, partitions, bytes));
}

TEST(BatchWarnings, OfSizeWhenThereAreSeveralPartitions) {
  EXPECT_THAT(warnings(BatchKind::kLogged, 2, 2, 2'000), IsEmpty());
  EXPECT_THAT(warnings(BatchKind::kLogged, 3, 3, 2'000),
              ElementsAre(HasSubstr("exceeding specified threshold of 5120 by ")));
  EXPECT_THAT(warnings(BatchKind::kLogged, 30, 1, 2'000), IsEmpty());
}

TEST(BatchWarnings, OfManyPartitionsWhenItIsNotLogged) {
  EXPECT_THAT(warnings(BatchKind::kUnlogged, 40, 10, 1), IsEmpty());
  EXPECT_THAT(warnings(BatchKind::kUnlogged, 40, 11, 1), ElementsAre(HasSubstr("covering 11 partitions")));
  EXPECT_THAT(warnings(BatchKind::kCounter, 40, 11, 1), ElementsAre(HasSubstr("covering 11 partitions")));
  EXPECT_THAT(warnings(BatchKind::kLogged, 40, 11, 1), IsEmpty());
}

}  // namespace
}  // namespace sagitta::db
