/// Forms of a text that count as the same to an index: without the case of letters, with one
/// spelling for what Unicode can spell in two ways, with ASCII letters for those that have an
/// accent.
#pragma once

#include "sagitta/base/bytes.h"

namespace sagitta::text {

/// What a folding leaves out. Value semantics.
struct Folding {
  bool ignores_case = false;
  /// Unicode's normalization form C.
  bool normalises = false;
  /// Letters of Latin scripts become those of ASCII that they are made of: "é" e, "ß" ss.
  bool to_ascii = false;

  bool is_identity() const { return !ignores_case && !normalises && !to_ascii; }
  bool operator==(const Folding&) const = default;
  /// The text's form: equal for texts that count as the same. What is no UTF-8 stays as it is.
  Bytes fold(BytesView text) const;
};

}  // namespace sagitta::text
