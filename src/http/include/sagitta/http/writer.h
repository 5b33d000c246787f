/// HTTP/1.1 to bytes. Heads are written as they are: who writes one says its length or its coding.
#pragma once

#include "sagitta/base/bytes.h"
#include "sagitta/http/message.h"

namespace sagitta::http {

/// Asserts that the method is a token and that the target has no blanks.
Bytes write_head(const RequestHead& head);
Bytes write_head(const ResponseHead& head);

/// "5\r\nhello\r\n"; nothing for no data, which would end the body.
Bytes write_chunk(BytesView data);
/// Ends a chunked body.
Bytes write_last_chunk(const Fields& trailers = {});

}  // namespace sagitta::http
