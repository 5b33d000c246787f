/// The nearest of all rows that come: the exact way of an ANN query.
#pragma once

#include <memory>

#include "sagitta/exec/ann.h"

#include "row_sink.h"

namespace sagitta::exec {

/// The references must outlive it.
std::unique_ptr<RowSink> make_nearest_sink(const SelectRequest& request, AnnReport& report);

}  // namespace sagitta::exec
