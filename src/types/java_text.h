/// Native values in the text forms of Java, which Cassandra shows in JSON, in casts to text and in
/// error texts.
#pragma once

#include <string>

#include "sagitta/types/data_type.h"

namespace sagitta::types {

/// "1.0", "1.0E10", "NaN", "-Infinity".
std::string java_real(float v);
std::string java_real(double v);
/// "0:0:0:0:0:0:0:1", "127.0.0.1": nothing is left out. `bytes` are a valid inet.
std::string java_inet(BytesView bytes);

}  // namespace sagitta::types
