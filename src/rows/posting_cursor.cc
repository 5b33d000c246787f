/// How postings are walked.
#include "sagitta/rows/posting_cursor.h"

namespace sagitta::rows {

Result<bool> PostingCursor::first() {
  charge(work::kSeek);
  entries_->seek_to_first();
  return settle();
}

Result<bool> PostingCursor::seek(BytesView key) {
  charge(work::kSeek);
  entries_->seek(key);
  return settle();
}

Result<bool> PostingCursor::next() {
  entries_->next();
  return settle();
}

/// On the first live posting from here on.
Result<bool> PostingCursor::settle() {
  for (; entries_->valid(); entries_->next()) {
    charge(work::kEntry);
    SAGITTA_TRY(posting_, decode_posting(entries_->key(), entries_->value()));
    if (posting_.is_live(now_s_)) return true;
  }
  SAGITTA_CHECK(entries_->status());
  return false;
}

}  // namespace sagitta::rows
