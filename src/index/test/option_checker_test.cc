/// Every spelling of an option of a vector index, and every refusal.
#include "vector/option_checker.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace sagitta::index {
namespace {

using Stored = std::map<std::string, std::string>;

Result<CheckedOptions> check(std::vector<WrittenOption> options, bool storage_attached = false, uint32_t dim = 384) {
  const schema::ColumnDef column{.name = "v",
                                 .type = types::DataType::vector(types::DataType::native(types::Kind::kFloat), dim)};
  return check_vector_options(
      options, {.index = "i", .class_name = storage_attached ? "sai" : "vector_index", .column = column});
}

TEST(VectorOptionChecker, EverySpellingIsStoredUnderOneName) {
  struct Case {
    WrittenOption written;
    Stored stored;
  };
  const Case cases[] = {
      {{"similarity_function", "COSINE"}, {{"similarity_function", "COSINE"}}},
      {{"metric", "l2sq"}, {{"similarity_function", "euclidean"}}},
      {{"metric", "IP"}, {{"similarity_function", "dot_product"}}},
      {{"connections", "16"}, {{"maximum_node_connections", "16"}}},
      {{"num_neighbors", "16"}, {{"maximum_node_connections", "16"}}},
      {{"ef_construction", "128"}, {{"construction_beam_width", "128"}}},
      {{"expansion_add", "128"}, {{"construction_beam_width", "128"}}},
      {{"expansion_search", " 64"}, {{"search_beam_width", "64"}}},
      {{"profile", "Fast"}, {{"profile", "fast"}}},
      {{"quantization", "fp16"}, {{"quantization", "f16"}}},
      {{"quantization", "BINARY"}, {{"quantization", "b1"}}},
      {{"quantization", "int8"}, {{"quantization", "i8"}}},
      {{"oversampling", "1e1"}, {{"oversampling", "10"}}},
      {{"max_elements", "1000000"}, {{"max_elements", "1000000"}}},
      {{"source_model", "ada002"}, {{"source_model", "ada002"}}},
      {{"vector_dimension", "384"}, {}},
      {{"indexing_type", "usearch"}, {}},
  };
  for (const Case& c : cases) {
    auto options = check({c.written});
    ASSERT_TRUE(options.has_value()) << c.written.name << ": " << options.error().message();
    EXPECT_EQ(options->stored, c.stored) << c.written.name;
  }
}

TEST(VectorOptionChecker, Refusals) {
  struct Case {
    std::vector<WrittenOption> written;
    bool storage_attached;
    std::string error;
  };
  const Case cases[] = {
      {{{"metric", "cosine"}, {"similarity_function", "euclidean"}},
       false,
       "Invalid: Options of index i contradict each other: similarity_function is cosine and also, by "
       "similarity_function, euclidean"},
      {{{"vector_dimension", "128"}},
       false,
       "Invalid: Option vector_dimension of index i is 128, but column v has type vector<float, 384>"},
      {{{"maximum_node_connections", "1000"}},
       true,
       "Invalid: Maximum number of connections for index i cannot be <= 0 or > 512, was 1000"},
      {{{"maximum_node_connections", "1000"}},
       false,
       "Invalid: Invalid value in option 'maximum_node_connections' for vector index: '1000' is out of valid range [1 "
       "- 512]"},
      {{{"search_beam_width", "123dog"}},
       false,
       "Invalid: Invalid value in option 'search_beam_width' for vector index: '123dog' is not an integer"},
      {{{"similarity_function", "hamming"}},
       true,
       "Invalid: Similarity function HAMMING was not recognized for index i. Valid values are: EUCLIDEAN, DOT_PRODUCT, "
       "COSINE"},
      {{{"oversampling", "nan"}},
       false,
       "Invalid: Invalid value in option 'oversampling' for vector index: 'nan' is not a float"},
      {{{"quantization", "f8"}},
       false,
       "Invalid: Invalid value in option 'quantization' for vector index: 'f8' is none of f32, f16, bf16, i8, b1"},
      {{{"profile", "faster"}},
       false,
       "Invalid: Invalid value in option 'profile' for vector index: 'faster' is none of compact, fast"},
      {{{"foo", "1"}}, false, "Invalid: Unsupported option foo for vector index"},
      {{{"foo", "1"}}, true, "Config: Properties specified [foo] are not understood by StorageAttachedIndex"},
  };
  for (const Case& c : cases) {
    auto options = check(c.written, c.storage_attached);
    ASSERT_FALSE(options.has_value()) << c.error;
    EXPECT_EQ(options.error().to_string(), c.error);
  }
}

TEST(VectorOptionChecker, AgreeingAliasesAreFine) {
  auto options = check({{"similarity_function", "COSINE"},
                        {"metric", "cos"},
                        {"connections", "16"},
                        {"maximum_node_connections", "16"}});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->stored, (Stored{{"maximum_node_connections", "16"}, {"similarity_function", "COSINE"}}));
}

TEST(VectorOptionChecker, AWarningForEachOptionWithoutEffect) {
  EXPECT_EQ(check({{"quantization", "f16"}, {"connections", "16"}, {"oversampling", "3"}})->warnings.size(), 2U);
  EXPECT_TRUE(check({{"quantization", "f32"}, {"rescoring", "false"}, {"oversampling", "1.0"}})->warnings.empty());
}

TEST(VectorOptionChecker, OneDimensionHasNoAngles) {
  EXPECT_FALSE(check({}, true, 1).has_value());
  EXPECT_TRUE(check({{"similarity_function", "euclidean"}}, true, 1).has_value());
}

}  // namespace
}  // namespace sagitta::index
