/// Asks an index, and counts what that was.
#include "probe.h"

#include <algorithm>

namespace sagitta::exec {
namespace {

bool before(const KeyedHit& a, const KeyedHit& b) { return a.score != b.score ? a.score > b.score : a.key < b.key; }

}  // namespace

Result<ProbeAnswer> probe(const index::Reader& index, const index::Filter& filter, int64_t now_s,
                          const SelectRequest& request, bool on_core, AnnReport& report) {
  const uint64_t distance_work = work::distance(request.select.ann->column->type->dim());
  const uint64_t limit = *request.select.limit;
  RequestContext context = request.context;
  if (on_core && request.meter != nullptr) context.distances_max = request.meter->left() / distance_work;
  ProbeAnswer answer;
  SAGITTA_TRY(answer.source, index.open(request.select.ann->probe(limit), filter, now_s, context));
  std::vector<index::Hit> found;
  found.reserve(limit);
  const Status searched = answer.source->next(limit, found);
  const SearchReport& search = answer.source->report();
  report.path = search.path;
  report.nodes_visited += search.nodes_visited;
  report.distances += search.distances;
  request.charge(search.distances * distance_work);
  if (!searched) return fail(searched);
  for (const index::Hit& hit : found) {
    answer.hits.push_back({hit.row, answer.source->key(hit.row), hit.score, hit.fingerprint});
  }
  std::ranges::sort(answer.hits, before);
  return answer;
}

}  // namespace sagitta::exec
