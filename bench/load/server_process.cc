#include "sagitta/load/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

extern "C" char** environ;

namespace sagitta::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRestWindow = std::chrono::milliseconds(500);
/// A server that does not stop within this is killed.
constexpr auto kStopTime = std::chrono::seconds(60);

int64_t read_clock(clockid_t id) {
  timespec now{};
  if (::clock_gettime(id, &now) != 0) return 0;
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Starts a program whose standard output goes to a pipe and whose log goes to a file.
Result<pid_t> spawn(const std::vector<std::string>& words, const std::string& log, int out) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(ErrorCode::kIo, fmt::format("cannot start {}: errno {}", words[0], error));
  return pid;
}

std::string first_line(int from) {
  std::string line;
  char c = 0;
  while (::read(from, &c, 1) == 1 && c != '\n') line.push_back(c);
  return line;
}

/// "sagitta 0.1.0 ready: cql 127.0.0.1:4711 http …"
Result<async::Endpoint> cql_of(const std::string& line) {
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    if (word == "cql" && words >> word) return async::Endpoint::parse(word);
  }
  return fail(ErrorCode::kIo, fmt::format("'{}' names no endpoint", line));
}

}  // namespace

Result<std::unique_ptr<ServerProcess>> ServerProcess::start(const std::string& program, const std::string& data,
                                                            const std::vector<std::string>& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::kIo, fmt::format("no pipe: errno {}", errno));
  std::vector<std::string> words = {program, "serve", "--data", data, "--cql", "127.0.0.1:0", "--http", "127.0.0.1:0"};
  words.insert(words.end(), options.begin(), options.end());
  const std::string log = data + ".log";
  const auto pid = spawn(words, log, ends[1]);
  ::close(ends[1]);
  const std::string line = pid ? first_line(ends[0]) : std::string();
  ::close(ends[0]);
  if (!pid) return fail(pid);
  std::unique_ptr<ServerProcess> server(new ServerProcess(*pid));
  auto cql = cql_of(line);
  if (!cql) return fail(ErrorCode::kIo, fmt::format("the server did not start; its log is {}", log));
  server->cql_ = *std::move(cql);
  return server;
}

ServerProcess::~ServerProcess() {
  ::kill(pid(), SIGTERM);
  const auto until = Clock::now() + kStopTime;
  while (::waitpid(pid(), nullptr, WNOHANG) == 0) {
    if (Clock::now() > until) ::kill(pid(), SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

int64_t Process::cpu_ns() const {
  clockid_t id{};
  return ::clock_getcpuclockid(pid_, &id) == 0 ? read_clock(id) : 0;
}

bool Process::rest(double timeout_s, double idle) const {
  const auto until = Clock::now() + std::chrono::duration<double>(timeout_s);
  while (Clock::now() < until) {
    const int64_t before = cpu_ns();
    const auto begin = Clock::now();
    std::this_thread::sleep_for(kRestWindow);
    const std::chrono::nanoseconds window = Clock::now() - begin;
    if (static_cast<double>(cpu_ns() - before) <= idle * static_cast<double>(window.count())) return true;
  }
  return false;
}

uint64_t Process::peak_resident_bytes() const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) << 10;
  }
  return 0;
}

std::string own_program() {
  std::string path(4096, '\0');
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(length > 0 ? static_cast<size_t>(length) : 0);
  return path;
}

int64_t own_cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace sagitta::load
