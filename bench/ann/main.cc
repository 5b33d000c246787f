#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "options.h"
#include "peer.h"

namespace {

using namespace sagitta;
using namespace sagitta::bench;

/// Rows and queries that every command ends with in seconds.
constexpr size_t kSmokeRows = 3000;
constexpr size_t kSmokeQueries = 100;

void shrink(Options& options) {
  options.rows = or_default(options.rows, kSmokeRows);
  options.queries = or_default(options.queries, kSmokeQueries);
  options.repetitions = 1;
  options.generations = 5;
  if (options.beams == kDefaultBeams) options.beams = "10,40,160,400";
}

int finish(const Status& done) {
  if (done) return 0;
  std::fflush(stdout);
  fmt::print(stderr, "bench ann: {}\n", done.error().message());
  return 1;
}

void add_shared(CLI::App& app, Options& options) {
  app.add_option("--rows", options.rows, "Rows of a made set (each command has its own default)");
  app.add_option("--queries", options.queries, "Queries, likewise");
  app.add_option("--seed", options.seed, "Of all that is made");
  app.add_option("--threads", options.threads, "Threads that build")->check(CLI::Range(1, 256));
  app.add_option("--beams", options.beams, "Beam widths, ascending, with commas between");
  app.add_option("--repetitions", options.repetitions, "Of each figure; medians are shown")->check(CLI::Range(1, 100));
  app.add_option("--work", options.work, "Folder for made sets");
  app.add_flag("--smoke", options.smoke, "A small run that shows only that it works");
}

CLI::App* add_grid(CLI::App& app, const char* name, const char* about, Options& options) {
  CLI::App* grid = app.add_subcommand(name, about);
  grid->add_option("--set", options.set, "clustered128, embed768, copies or lengths");
  grid->add_option("--profile", options.profile, "compact or fast");
  return grid;
}

CLI::App* add_peer(CLI::App& app, std::string& name, PeerOptions& peer) {
  CLI::App* command = app.add_subcommand("peer", "Be a peer of this program: speaks the protocol of bench/README.md");
  command->add_option("name", name)->required();
  command->add_option("--base", peer.base)->required();
  command->add_option("--queries", peer.queries)->required();
  command->add_option("--truth", peer.truth)->required();
  command->add_option("--metric", peer.metric);
  command->add_option("--k", peer.k)->check(CLI::Range(1, 1000));
  command->add_option("--threads", peer.threads)->check(CLI::Range(1, 256));
  command->add_option("--beams", peer.beams);
  return command;
}

Status make_sets(const Options& options) {
  for (const std::string& name : options.sets) {
    SAGITTA_TRY(const SetFiles set, prepare_set(name, options));
    fmt::print("{}: {} x {}, {}, {} queries, LID {:.1f}\n  {}\n  {}\n  {}\n", set.name, set.rows, set.dim, set.metric,
               set.query_count, set.lid, set.base, set.queries, set.truth);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures Sagitta's vector index against its peers.", "bench ann");
  app.fallthrough();
  app.require_subcommand(0, 1);
  Options options;
  std::string peer_name;
  PeerOptions peer_options;
  add_shared(app, options);
  app.add_option("--sets", options.sets, "Made sets: clustered128, embed768, copies, lengths; or none")->delimiter(',');
  app.add_option("--set", options.set_folder, "Folder of a real set: base.f16, queries.f32, groundtruth.i32");
  app.add_option("--peer", options.peers, "NAME=EXECUTABLE, a peer outside of this program; may be repeated")
      ->check(
          [](const std::string& text) { return text.find('=') == std::string::npos ? "want NAME=EXECUTABLE" : ""; });
  app.add_option("--own", options.own, "Of ours: compact, fast, i8")
      ->delimiter(',')
      ->check(CLI::IsMember({"compact", "fast", "i8"}));
  CLI::App* peer = add_peer(app, peer_name, peer_options);
  CLI::App* make = app.add_subcommand("make", "Make the sets and say where they are");
  CLI::App* filter = add_grid(app, "filter", "Filtered search by pass rate and place of the matches", options);
  filter->add_flag("--predicate", options.predicate, "Filter by a predicate in place of a bitmap");
  CLI::App* churn = add_grid(app, "churn", "Recall and work after generations of deletes and inserts", options);
  churn->add_option("--generations", options.generations)->check(CLI::Range(1, 10'000));
  CLI::App* concurrency = add_grid(app, "concurrency", "Two searching threads, and search beside a writer", options);
  CLI::App* growth = add_grid(app, "growth", "The cost of a query by the number of rows", options);
  CLI11_PARSE(app, argc, argv);
  std::erase(options.sets, "none");
  if (options.smoke) shrink(options);
  if (peer->parsed()) return serve_peer(peer_name, peer_options);
  if (make->parsed()) return finish(make_sets(options));
  if (filter->parsed()) return finish(filter_grid(options));
  if (churn->parsed()) return finish(churn_grid(options));
  if (concurrency->parsed()) return finish(concurrency_grid(options));
  if (growth->parsed()) return finish(growth_grid(options));
  return finish(compare(options, std::filesystem::read_symlink("/proc/self/exe")));
}
