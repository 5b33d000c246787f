/// The vocabulary of the CQL native protocol, versions 4 and 5: numbers as they stand on the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/types/request.h"

namespace sagitta::wire {

inline constexpr uint8_t kVersionMin = 4;
inline constexpr uint8_t kVersionMax = 5;
inline constexpr uint8_t kResponseBit = 0x80;
inline constexpr size_t kHeaderBytes = 9;
/// Payload of one v5 segment, before compression.
inline constexpr size_t kSegmentPayloadMax = 131071;

enum class Opcode : uint8_t {
  kError = 0x00,
  kStartup = 0x01,
  kReady = 0x02,
  kAuthenticate = 0x03,
  kOptions = 0x05,
  kSupported = 0x06,
  kQuery = 0x07,
  kResult = 0x08,
  kPrepare = 0x09,
  kExecute = 0x0A,
  kRegister = 0x0B,
  kEvent = 0x0C,
  kBatch = 0x0D,
  kAuthChallenge = 0x0E,
  kAuthResponse = 0x0F,
  kAuthSuccess = 0x10,
};

/// Bits of the flags byte in a frame header.
namespace frame_flags {
inline constexpr uint8_t kCompressed = 0x01;
inline constexpr uint8_t kTracing = 0x02;
inline constexpr uint8_t kCustomPayload = 0x04;
inline constexpr uint8_t kWarning = 0x08;
inline constexpr uint8_t kBeta = 0x10;
}  // namespace frame_flags

enum class Compression : uint8_t { kNone, kLz4, kSnappy };

/// The value of the STARTUP option COMPRESSION, in any case: "lz4", "snappy"; nothing for any
/// other.
std::optional<Compression> compression_from_name(std::string_view name);

using types::Consistency;

/// The [code] of an ERROR response.
enum class CqlError : uint32_t {
  kServer = 0x0000,
  kProtocol = 0x000A,
  kBadCredentials = 0x0100,
  kUnavailable = 0x1000,
  kOverloaded = 0x1001,
  kBootstrapping = 0x1002,
  kTruncate = 0x1003,
  kWriteTimeout = 0x1100,
  kReadTimeout = 0x1200,
  kReadFailure = 0x1300,
  kFunctionFailure = 0x1400,
  kWriteFailure = 0x1500,
  kCdcWriteFailure = 0x1600,
  kSyntax = 0x2000,
  kUnauthorized = 0x2100,
  kInvalid = 0x2200,
  kConfig = 0x2300,
  kAlreadyExists = 0x2400,
  kUnprepared = 0x2500,
};

/// What a client and a server may tell each other beside the protocol, by name; null is not empty.
/// Views.
using CustomPayload = std::vector<std::pair<std::string_view, ValueView>>;

}  // namespace sagitta::wire
