/// LZ4 and snappy blocks with their lengths checked before anything is allocated.
#pragma once

#include <optional>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/wire/protocol.h"

namespace sagitta::wire {

/// `stored` as an LZ4 block of exactly `plain_bytes`; kProtocol when it is not that.
Result<Bytes> lz4_decompress(BytesView stored, size_t plain_bytes);
/// The same at the end of `out`; on an error `out` is as it was.
Status lz4_append(BytesView stored, size_t plain_bytes, Bytes& out);
/// A v4 body: 4-byte plain length, LZ4 block. kProtocol as above, or when the length is over `max`.
Result<Bytes> lz4_body_decompress(BytesView stored, size_t max);
/// A v4 body in raw snappy. kProtocol when it is damaged or longer than `max`.
Result<Bytes> snappy_body_decompress(BytesView stored, size_t max);

/// How long a v4 body of a compression claims to be in plain; kProtocol when it is damaged, or that
/// is over `max`.
Result<size_t> body_plain_bytes(Compression compression, BytesView stored, size_t max);

/// Appends the LZ4 block of `plain` to `out`; false, and nothing appended, when LZ4 cannot take so
/// much.
bool lz4_compress(BytesView plain, Bytes& out);
bool lz4_body_compress(BytesView plain, Bytes& out);
void snappy_body_compress(BytesView plain, Bytes& out);

}  // namespace sagitta::wire
