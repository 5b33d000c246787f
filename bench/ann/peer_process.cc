#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>

#include "peer.h"

namespace sagitta::bench {
namespace {

/// A peer that writes more than this without a line break is broken.
constexpr size_t kLineBytesMax = size_t{64} << 10;

/// A word before the first space, and the rest.
std::pair<std::string, std::string> split(const std::string& line) {
  const size_t space = line.find(' ');
  if (space == std::string::npos) return {line, ""};
  return {line.substr(0, space), line.substr(space + 1)};
}

Result<double> to_number(const std::string& text, const std::string& line) {
  std::istringstream in(text);
  double value = 0;
  if (in >> value && value >= 0) return value;
  return fail(ErrorCode::kProtocol, fmt::format("no number in '{}'", line));
}

std::vector<std::string> with_options(std::vector<std::string> command, const PeerOptions& options) {
  const auto add = [&](const char* name, std::string value) {
    command.emplace_back(name);
    command.push_back(std::move(value));
  };
  add("--base", options.base);
  add("--queries", options.queries);
  add("--truth", options.truth);
  add("--metric", options.metric);
  add("--k", fmt::to_string(options.k));
  add("--threads", fmt::to_string(options.threads));
  add("--beams", options.beams);
  return command;
}

/// The child's process id; -1 when it cannot be started.
int spawn(const std::vector<std::string>& command, int in, int out) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t pid = -1;
  const int refused = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return refused == 0 ? pid : -1;
}

}  // namespace

Result<std::unique_ptr<PeerProcess>> PeerProcess::start(const std::vector<std::string>& command,
                                                        const PeerOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);  // a peer that has died is an error of send()
  std::array<int, 2> to{}, from{};
  if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::kIo, fmt::format("pipe: {}", strerror(errno)));
  }
  const int pid = spawn(with_options(command, options), to[0], from[1]);
  ::close(to[0]);
  ::close(from[1]);
  std::unique_ptr<PeerProcess> peer(new PeerProcess(pid, to[1], from[0]));
  if (pid < 0) return fail(ErrorCode::kNotFound, fmt::format("cannot start {}", command[0]));
  SAGITTA_CHECK(peer->await_ready());
  return peer;
}

PeerProcess::~PeerProcess() {
  ::close(to_);
  ::close(from_);
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

Status PeerProcess::await_ready() {
  while (true) {
    SAGITTA_TRY(const std::string line, receive());
    const auto [word, rest] = split(line);
    if (word == "ready") return {};
    if (word == "absent") return fail(ErrorCode::kNotFound, rest);
    if (word == "error") return fail(ErrorCode::kServer, rest);
    if (word == "build_s") {
      SAGITTA_TRY(build_s_, to_number(rest, line));
    }
    if (word == "memory_bytes") {
      SAGITTA_TRY(memory_bytes_, to_number(rest, line));
    }
  }
}

Status PeerProcess::send(std::string line) {
  line += '\n';
  if (::write(to_, line.data(), line.size()) == static_cast<ssize_t>(line.size())) return {};
  return fail(ErrorCode::kServer, "the peer no longer reads");
}

Result<std::string> PeerProcess::receive() {
  size_t end = unread_.find('\n');
  while (end == std::string::npos) {
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(from_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(ErrorCode::kServer, "the peer has ended");
    unread_.append(buffer.data(), static_cast<size_t>(count));
    end = unread_.find('\n');
    if (end == std::string::npos && unread_.size() > kLineBytesMax) {
      return fail(ErrorCode::kProtocol, "a line without end");
    }
  }
  std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

Result<BeamResult> PeerProcess::run(uint32_t beam) {
  SAGITTA_CHECK(send(fmt::format("run {}", beam)));
  SAGITTA_TRY(const std::string line, receive());
  SAGITTA_TRY(const BeamResult result, parse_beam_result(line));
  if (result.beam == beam) return result;
  return fail(ErrorCode::kProtocol, fmt::format("asked for beam {}, was answered '{}'", beam, line));
}

Result<size_t> PeerProcess::fill() {
  SAGITTA_CHECK(send("fill"));
  SAGITTA_TRY(const std::string line, receive());
  const auto [word, rest] = split(line);
  if (word != "filled") return fail(ErrorCode::kServer, line);
  SAGITTA_TRY(const double length, to_number(rest, line));
  return static_cast<size_t>(length);
}

Result<BeamResult> parse_beam_result(const std::string& line) {
  std::istringstream in(line);
  std::string name, text;
  BeamResult result;
  size_t known = 0;
  while (in >> name >> text) {
    SAGITTA_TRY(const double value, to_number(text, line));
    ++known;
    if (name == "beam") {
      result.beam = static_cast<uint32_t>(value);
    } else if (name == "recall") {
      result.recall = value;
    } else if (name == "qps") {
      result.qps = value;
    } else if (name == "p50_us") {
      result.p50_us = value;
    } else if (name == "p99_us") {
      result.p99_us = value;
    } else {
      --known;
      if (name == "expanded") result.expanded = value;
    }
  }
  if (known == 5 && result.recall <= 1) return result;
  return fail(ErrorCode::kProtocol, fmt::format("'{}' is not the result of a beam", line));
}

std::string format_beam_result(const BeamResult& r) {
  return fmt::format("beam {} recall {:.5f} qps {:.2f} p50_us {:.2f} p99_us {:.2f} expanded {:.2f}", r.beam, r.recall,
                     r.qps, r.p50_us, r.p99_us, r.expanded);
}

}  // namespace sagitta::bench
