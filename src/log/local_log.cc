// Opens a log of segment files, partition by partition.
#include "sagitta/log/local_log.h"

#include "sagitta/base/assert.h"

#include "local_stream.h"
#include "recovery.h"
#include "stream_log.h"

namespace sagitta::log {

Result<std::unique_ptr<Log>> open_local_log(FileSystem& files, const Clock& clock, MetricsRegistry& registry,
                                            const LocalOptions& options) {
  SAGITTA_ASSERT(options.partitions > 0);
  const auto shared = std::make_shared<LocalShared>(files, clock, registry, options);
  auto log = std::make_unique<StreamLog<Log, LocalStream>>();
  for (Partition partition = 0; partition < options.partitions; ++partition) {
    std::string directory = options.directory + "/" + std::to_string(partition);
    auto recovered = recover(files, directory);
    if (!recovered) return fail_in(partition, recovered.error());
    if (recovered->torn) shared->metrics.torn_tails.add();
    auto stream = std::make_unique<LocalStream>(partition, shared, std::move(directory), *std::move(recovered));
    shared->streams.push_back(stream.get());
    log->add(std::move(stream));
  }
  return log;
}

}  // namespace sagitta::log
