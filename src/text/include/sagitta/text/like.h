/// SQL's LIKE.
#pragma once

#include "sagitta/base/bytes.h"

namespace sagitta::text {

/// Whether the whole text is as the pattern: % stands for any characters or none, _ for one
/// character, \ before one of % _ \ for that itself. A character is one of UTF-8; of what is no
/// UTF-8, a byte. Time: at most the product of the lengths.
bool is_like(BytesView text, BytesView pattern);

}  // namespace sagitta::text
