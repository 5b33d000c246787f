// Apache's Go driver: what an application does with it. usage: gocql PORT VERSION COMPRESSION
package main

import (
	"os"
	"strconv"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"github.com/apache/cassandra-gocql-driver/v2/lz4"
	"github.com/apache/cassandra-gocql-driver/v2/snappy"
)

// A suite is one session, and where to open more.
type suite struct {
	port        int
	version     int
	compression string
	session     *gocql.Session
}

func (s *suite) cluster() *gocql.ClusterConfig {
	cluster := gocql.NewCluster("127.0.0.1")
	cluster.Port = s.port
	cluster.Timeout = 30 * time.Second
	cluster.ConnectTimeout = 10 * time.Second
	cluster.NumConns = 1
	cluster.ReconnectInterval = time.Second
	cluster.Logger = gocql.NewLogger(gocql.LogLevelNone)
	cluster.PoolConfig.HostSelectionPolicy = gocql.TokenAwareHostPolicy(gocql.RoundRobinHostPolicy())
	switch s.compression {
	case "lz4":
		cluster.Compressor = lz4.LZ4Compressor{}
	case "snappy":
		cluster.Compressor = snappy.SnappyCompressor{}
	}
	// The newest version is left for the driver to find.
	if s.version != 5 {
		cluster.ProtoVersion = s.version
	}
	return cluster
}

func open(cluster *gocql.ClusterConfig) *gocql.Session {
	session, err := cluster.CreateSession()
	must(err)
	return session
}

func (s *suite) execute(statement string, values ...any) {
	must(s.session.Query(statement, values...).Exec())
}

// column is the first value of every row.
func column[T any](query *gocql.Query) []T {
	var all []T
	var one T
	iter := query.Iter()
	for iter.Scan(&one) {
		all = append(all, one)
		var zero T
		one = zero
	}
	must(iter.Close())
	return all
}

func one[T any](query *gocql.Query) T {
	var value T
	must(query.Scan(&value))
	return value
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	must(err)
	return value
}

func main() {
	s := &suite{port: number(os.Args[1]), version: number(os.Args[2]), compression: os.Args[3]}
	s.session = open(s.cluster())
	s.execute("CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
	checks := s.schemaChecks()
	checks = append(checks, s.valueChecks()...)
	checks = append(checks, s.statementChecks()...)
	checks = append(checks, s.searchChecks()...)
	checks = append(checks, s.lifeChecks()...)
	if run(checks) > 0 {
		os.Exit(1)
	}
}
