/// Rows as they come: a page of them, or all.
#include "row_sink.h"

namespace sagitta::exec {
namespace {

class PageSink final : public RowSink {
 public:
  PageSink(const Matches& matches, const SelectRequest& request, uint64_t limit)
      : matches_(matches), request_(request), projector_(request), limit_(limit) {}

  Result<bool> add(const Row& row) override {
    // The row after a page's last shows that there is a next page.
    if (is_full()) {
      end_page();
      return false;
    }
    SAGITTA_CHECK(projector_.append(row, result_.cells));
    SAGITTA_CHECK(check_result_bytes(result_.cells));
    ++result_.row_count;
    last_ = row.key();
    in_partition_ = matches_.in_partition();
    return result_.row_count < limit_;
  }
  Result<ResultSet> finish() override { return std::move(result_); }

 private:
  bool is_full() const {
    return request_.page_size && (result_.row_count == *request_.page_size || result_.cells.size() > kPageBytesMax);
  }
  void end_page() {
    PagingState state{
        .statement_hash = request_.statement_hash, .last = std::move(last_), .in_partition = in_partition_};
    if (request_.select.limit) state.limit_left = limit_ - result_.row_count;
    result_.paging_state = encode_paging_state(state);
  }

  const Matches& matches_;
  const SelectRequest& request_;
  const Projector projector_;
  const uint64_t limit_;
  ResultSet result_;
  RowKey last_;
  uint64_t in_partition_ = 0;
};

}  // namespace

std::unique_ptr<RowSink> make_page_sink(const Matches& matches, const SelectRequest& request, uint64_t limit) {
  return std::make_unique<PageSink>(matches, request, limit);
}

}  // namespace sagitta::exec
