/// `sagitta bench cql`: a server and the load on it, the bare engine beside it. `sagitta bench
/// peer`: a server, and another that speaks CQL under the same load.
#pragma once

#include <cstdint>
#include <string>

namespace sagitta {

struct BenchCqlOptions {
  std::string set = "embed768";  ///< of bench::make_generator
  uint64_t rows = 100'000;
  uint64_t ingest_rows = 5'000;  ///< of each ingest into a fresh table
  std::string workloads = "empty,read,ingest,ann,ann_star,filtered,mixed";
  std::string depths = "1,16,64";
  uint32_t connections = 1;
  double seconds = 2;  ///< of each measurement
  double rate = 0;     ///< requests a second, open loop; 0: closed loops
  uint32_t rounds = 3;
  std::string profile = "compact";
  uint32_t beam = 100;
  uint32_t k = 10;
  uint32_t queries = 500;
  bool figures = true;  ///< the ratios of a query and of a row after the table
  uint64_t seed = 1;
  std::string server;       ///< the program that serves; empty: this one
  uint32_t partitions = 1;  ///< log partitions of the server
  uint32_t lanes = 0;       ///< 0: the server's default
  std::string work;         ///< folder for the server's data; empty: a fresh one, removed at the end
};

/// Prints the table, and the figures. Returns the exit status: 0 when every request was answered.
int bench_cql(const BenchCqlOptions& options);

struct BenchPeerOptions {
  std::string cql;                ///< the peer's ADDRESS:PORT
  int32_t process = 0;            ///< its process, on this machine
  std::string name = "the peer";  ///< as it is shown
  uint64_t rows = 100'000;
  std::string workloads = "empty,read,write,write_indexed,index,lwt_insert,lwt_update";
  uint32_t depth = 32;
  uint32_t connections = 1;
  double seconds = 2;  ///< of each measurement
  double warm = 60;    ///< seconds under all workloads before anything counts, each server
  uint32_t rounds = 3;
  std::string server;  ///< the program that serves; empty: this one
  std::string work;    ///< folder for the server's data; empty: a fresh one, removed at the end
};

/// Prints both servers' operations for each second of their CPU, and the ratios. Returns the exit
/// status: 0 when both answered every request as they should.
int bench_peer(const BenchPeerOptions& options);

}  // namespace sagitta
