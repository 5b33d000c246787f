#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "sagitta/base/file.h"
#include "sagitta/simd/kernels.h"

#include "options.h"

namespace sagitta::bench {
namespace {

constexpr size_t kQueries = 2000;
/// Neighbours that the truth holds, and from which the dimension is estimated.
constexpr uint32_t kTruthColumns = 100;
constexpr size_t kDimQueries = 500;

size_t default_rows(const std::string& name) { return name == "embed768" ? 200'000 : 500'000; }

std::string metric_word(ann::Metric metric) {
  return metric == ann::Metric::kL2 ? "l2" : std::string(ann::to_string(metric));
}

Status make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(ErrorCode::kIo, fmt::format("{}: {}", path, error.message()));
  return {};
}

/// Writes the truth last: where it is, all are.
Status write_set(const SetFiles& files, ann::Metric metric, Floats base, Floats queries, unsigned threads) {
  SAGITTA_CHECK(write_matrix(files.base, base));
  SAGITTA_CHECK(write_matrix(files.queries, queries));
  const auto columns = static_cast<uint32_t>(std::min<size_t>(kTruthColumns, base.count));
  const Truth truth = exact_neighbours(metric, base, queries, columns, threads);
  const std::string aside = files.truth + ".part";
  SAGITTA_CHECK(write_matrix(aside, truth.view()));
  std::error_code error;
  std::filesystem::rename(aside, files.truth, error);
  if (error) return fail(ErrorCode::kIo, fmt::format("{}: {}", files.truth, error.message()));
  return {};
}

/// Shapes, and how hard the set is, from its files.
Status describe(SetFiles& files, ann::Metric metric, unsigned threads) {
  SAGITTA_TRY(const auto base, MatrixFile::open(files.base));
  SAGITTA_TRY(const auto queries, MatrixFile::open(files.queries));
  files.rows = base.floats().count;
  files.dim = base.floats().dim;
  files.query_count = queries.floats().count;
  const auto columns = static_cast<uint32_t>(std::min<size_t>(kTruthColumns, files.rows));
  const Truth near = exact_neighbours(metric, base.floats(), queries.floats().first(kDimQueries), columns, threads);
  files.lid = local_intrinsic_dimension(metric, near);
  return {};
}

SetFiles named(const Options& options, const std::string& stem, const std::string& name, ann::Metric metric) {
  const std::string path = fmt::format("{}/{}", options.work, stem);
  return {.name = name,
          .metric = metric_word(metric),
          .base = path + ".base.fbin",
          .queries = path + ".queries.fbin",
          .truth = path + ".truth.ibin"};
}

/// The floats of a file without header.
Result<std::vector<float>> read_halves(FileSystem& files, const std::string& path) {
  SAGITTA_TRY(const Bytes bytes, read_file(files, path));
  std::vector<float> out(bytes.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t half = 0;
    std::memcpy(&half, bytes.data() + i * 2, 2);
    out[i] = simd::to_float(simd::Half{half});
  }
  return out;
}

template <class T>
Result<std::vector<T>> read_values(FileSystem& files, const std::string& path) {
  SAGITTA_TRY(const Bytes bytes, read_file(files, path));
  std::vector<T> out(bytes.size() / sizeof(T));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(T));
  return out;
}

}  // namespace

Result<SetFiles> prepare_set(const std::string& name, const Options& options) {
  SAGITTA_TRY(const auto generator, make_generator(name, options.seed));
  const size_t rows = or_default(options.rows, default_rows(name));
  const size_t queries = or_default(options.queries, kQueries);
  const std::string stem = fmt::format("{}.{}-{}-{}-{}", name, kRecipesVersion, rows, queries, options.seed);
  SetFiles files = named(options, stem, name, generator->metric());
  if (!std::filesystem::exists(files.truth)) {
    fmt::print(stderr, "making {}: {} rows, {} queries, seed {}\n", name, rows, queries, options.seed);
    SAGITTA_CHECK(make_folder(options.work));
    const Matrix base = generator->rows(0, rows, options.threads);
    const Matrix asked = generator->queries(queries, options.threads);
    SAGITTA_CHECK(write_set(files, generator->metric(), base.view(), asked.view(), options.threads));
  }
  SAGITTA_CHECK(describe(files, generator->metric(), options.threads));
  return files;
}

/// Vectors of unit length under cosine; the number of columns follows from the truth, which has 100
/// a query.
Result<SetFiles> convert_set(const Options& options) {
  const std::filesystem::path folder(options.set_folder);
  const std::string name = folder.filename().empty() ? folder.parent_path().filename() : folder.filename();
  const auto real = make_real_file_system();
  SAGITTA_TRY(std::vector<float> base, read_halves(*real, folder / "base.f16"));
  SAGITTA_TRY(std::vector<float> queries, read_values<float>(*real, folder / "queries.f32"));
  SAGITTA_TRY(const std::vector<uint32_t> truth, read_values<uint32_t>(*real, folder / "groundtruth.i32"));
  const size_t query_count = truth.size() / kTruthColumns;
  const size_t dim = query_count == 0 ? 0 : queries.size() / query_count;
  if (dim == 0 || base.size() % dim != 0 || queries.size() != dim * query_count) {
    return fail(ErrorCode::kCorruption, fmt::format("{}: the sizes of its files do not fit", options.set_folder));
  }
  const size_t rows = std::min(or_default(options.rows, SIZE_MAX), base.size() / dim);
  const size_t asked = std::min(or_default(options.queries, SIZE_MAX), query_count);
  SetFiles files = named(options, fmt::format("{}-{}-{}", name, rows, asked), name, ann::Metric::kCosine);
  const auto width = static_cast<uint32_t>(dim);
  SAGITTA_CHECK(make_folder(options.work));
  SAGITTA_CHECK(write_set(files, ann::Metric::kCosine, {base.data(), rows, width}, {queries.data(), asked, width},
                          options.threads));
  SAGITTA_CHECK(describe(files, ann::Metric::kCosine, options.threads));
  return files;
}

std::string_view judge(double value, double must, double goal, Better better) {
  const auto reaches = [&](double bound) { return better == Better::kHigher ? value >= bound : value <= bound; };
  return reaches(goal) ? "goal" : reaches(must) ? "must" : "MISSED";
}

Result<ann::IndexOptions> index_options(const Options& options, const Generator& generator, uint32_t link_threads) {
  const auto profile = ann::parse_profile(options.profile);
  if (!profile) return fail(ErrorCode::kInvalid, fmt::format("no profile '{}'", options.profile));
  return ann::IndexOptions{
      .dim = generator.dim(), .metric = generator.metric(), .profile = *profile, .link_threads = link_threads};
}

Result<BeamResult> beam_for(Subject& subject, const Options& options, Floats queries, Ids truth, double recall) {
  SAGITTA_TRY(const std::vector<uint32_t> beams, parse_beams(options.beams));
  SubjectSearcher searcher(subject, {});
  BeamResult result;
  for (const uint32_t beam : beams) {
    result = measure_beam(searcher, queries, truth, 10, beam);
    if (result.recall >= recall) break;
  }
  return result;
}

}  // namespace sagitta::bench
