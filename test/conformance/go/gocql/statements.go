// What a statement carries beside its values, and what comes with its answer.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

const rows = 1000

func (s *suite) statementChecks() []check {
	return []check{
		{"paging", s.paging},
		{"a page resumed by another session", s.pageResumed},
		{"batches", s.batches},
		{"counters", s.counters},
		{"conditional statements", s.conditional},
		{"conditional batches", s.conditionalBatches},
		{"timestamps and time to live", s.timestamps},
		{"consistencies", s.consistencies},
		{"tracing", s.tracing},
		{"errors by code", s.errors},
	}
}

func (s *suite) paging() {
	s.execute("CREATE TABLE shop.paged (p int, k int, v text, PRIMARY KEY (p, k))")
	s.flood(rows, func(i int) error {
		return s.session.Query("INSERT INTO shop.paged (p, k, v) VALUES (?, ?, ?)", i%7, i, "xxxxxxxxxxxxxxxx").Exec()
	})
	wanted := make([]int, rows)
	for i := range wanted {
		wanted[i] = i
	}
	for _, size := range []int{1, 37, 5000} {
		got := column[int](s.session.Query("SELECT k FROM shop.paged").PageSize(size))
		sort.Ints(got)
		equal(got, wanted)
	}
	equal(len(column[int](s.session.Query("SELECT k FROM shop.paged LIMIT 120").PageSize(50))), 120)
	equal(len(column[int](s.session.Query("SELECT DISTINCT p FROM shop.paged").PageSize(2))), 7)
}

func (s *suite) pageResumed() {
	statement := "SELECT k FROM shop.paged WHERE p = ? ORDER BY k DESC"
	iter := s.session.Query(statement, 3).PageSize(10).PageState(nil).Iter()
	equal(iter.NumRows(), 10)
	state := iter.PageState()
	var keys []int
	for key := 0; iter.Scan(&key); {
		keys = append(keys, key)
	}
	must(iter.Close())
	equal(len(keys), 10)
	other := open(s.cluster())
	defer other.Close()
	for len(state) > 0 {
		page := other.Query(statement, 3).PageSize(10).PageState(state).Iter()
		state = page.PageState()
		for key := 0; page.Scan(&key); {
			keys = append(keys, key)
		}
		must(page.Close())
	}
	var wanted []int
	for key := rows - 1; key >= 0; key-- {
		if key%7 == 3 {
			wanted = append(wanted, key)
		}
	}
	equal(keys, wanted)
}

func (s *suite) batches() {
	s.execute("CREATE TABLE shop.batched (p int, k int, v text, PRIMARY KEY (p, k))")
	for kind, name := range map[gocql.BatchType]string{gocql.LoggedBatch: "logged", gocql.UnloggedBatch: "unlogged"} {
		batch := s.session.Batch(kind)
		for i := 0; i < 100; i++ {
			batch.Query("INSERT INTO shop.batched (p, k, v) VALUES (?, ?, ?)", i%3, i, name)
		}
		batch.Query("DELETE FROM shop.batched WHERE p = 0 AND k = 0")
		must(batch.Exec())
		equal(one[int](s.session.Query("SELECT count(*) FROM shop.batched")), 99)
		equal(one[string](s.session.Query("SELECT v FROM shop.batched WHERE p = 2 AND k = 2")), name)
	}
	timed := s.session.Batch(gocql.LoggedBatch).WithTimestamp(1234)
	timed.Query("INSERT INTO shop.batched (p, k, v) VALUES (9, 9, ?)", "timed")
	must(timed.Exec())
	equal(one[int64](s.session.Query("SELECT writetime(v) FROM shop.batched WHERE p = 9")), int64(1234))
}

func (s *suite) counters() {
	s.execute("CREATE TABLE shop.counted (id int PRIMARY KEY, n counter)")
	for range 2 {
		batch := s.session.Batch(gocql.CounterBatch)
		batch.Query("UPDATE shop.counted SET n = n + ? WHERE id = ?", int64(5), 1)
		batch.Query("UPDATE shop.counted SET n = n - ? WHERE id = ?", int64(2), 1)
		must(batch.Exec())
	}
	equal(one[int64](s.session.Query("SELECT n FROM shop.counted WHERE id = 1")), int64(6))
	batch := s.session.Batch(gocql.LoggedBatch)
	batch.Query("UPDATE shop.counted SET n = n + ? WHERE id = ?", int64(5), 1)
	refused(batch.Exec(), gocql.ErrCodeInvalid)
}

func (s *suite) conditional() {
	s.execute("CREATE TABLE shop.locks (id int PRIMARY KEY, owner text, n int)")
	take := func(owner string) (bool, map[string]any) {
		row := map[string]any{}
		applied, err := s.session.Query("INSERT INTO shop.locks (id, owner, n) VALUES (?, ?, ?) IF NOT EXISTS", 1, owner, 0).MapScanCAS(row)
		must(err)
		return applied, row
	}
	applied, _ := take("ann")
	equal(applied, true)
	applied, row := take("bob")
	equal(fmt.Sprint(applied, row), "false map[id:1 n:0 owner:ann]")
	pass := func(from string) (bool, string, int) {
		var owner string
		var n int
		applied, err := s.session.Query("UPDATE shop.locks SET owner = ?, n = 1 WHERE id = ? IF owner = ? AND n < ?", "bob", 1, from, 5).
			SerialConsistency(gocql.LocalSerial).ScanCAS(&owner, &n)
		must(err)
		return applied, owner, n
	}
	applied, owner, n := pass("carl")
	equal(fmt.Sprint(applied, owner, n), "falseann0")
	applied, _, _ = pass("ann")
	equal(applied, true)
	for _, level := range []gocql.Consistency{gocql.Serial, gocql.LocalSerial} {
		equal(one[string](s.session.Query("SELECT owner FROM shop.locks WHERE id = 1").Consistency(level)), "bob")
	}
	applied, err := s.session.Query("DELETE FROM shop.locks WHERE id = ? IF EXISTS", 7).ScanCAS()
	must(err)
	equal(applied, false)
}

func (s *suite) conditionalBatches() {
	s.execute("CREATE TABLE shop.seats (show int, seat int, guest text, sold int static, PRIMARY KEY (show, seat))")
	s.execute("INSERT INTO shop.seats (show, sold) VALUES (1, 0)")
	sell := func() (bool, map[string]any) {
		batch := s.session.Batch(gocql.LoggedBatch)
		batch.Query("UPDATE shop.seats SET sold = ? WHERE show = ? IF sold = ?", 1, 1, 0)
		batch.Query("INSERT INTO shop.seats (show, seat, guest) VALUES (?, ?, ?) IF NOT EXISTS", 1, 5, "ann")
		row := map[string]any{}
		applied, iter, err := batch.MapExecCAS(row)
		must(err)
		must(iter.Close())
		return applied, row
	}
	applied, _ := sell()
	equal(applied, true)
	applied, row := sell()
	equal(fmt.Sprint(applied, row["sold"]), "false 1")
}

func (s *suite) timestamps() {
	s.execute("CREATE TABLE shop.timed (id int PRIMARY KEY, v text)")
	must(s.session.Query("INSERT INTO shop.timed (id, v) VALUES (1, 'late')").WithTimestamp(2_000_000_000_000_000).Exec())
	must(s.session.Query("INSERT INTO shop.timed (id, v) VALUES (1, 'early')").WithTimestamp(1000).Exec())
	equal(one[string](s.session.Query("SELECT v FROM shop.timed WHERE id = 1")), "late")
	s.execute("INSERT INTO shop.timed (id, v) VALUES (?, ?) USING TTL ?", 3, "mortal", 100)
	left := one[int](s.session.Query("SELECT ttl(v) FROM shop.timed WHERE id = 3"))
	holds(left > 90 && left <= 100, left)
	if s.version == 5 {
		later := s.session.Query("SELECT v FROM shop.timed WHERE id = 3").WithNowInSeconds(int(time.Now().Unix()) + 200)
		equal(len(column[string](later)), 0)
	}
}

func (s *suite) consistencies() {
	for _, level := range []gocql.Consistency{gocql.Any, gocql.One, gocql.Quorum, gocql.All, gocql.LocalQuorum, gocql.EachQuorum, gocql.LocalOne} {
		must(s.session.Query("INSERT INTO shop.timed (id, v) VALUES (4, ?)", level.String()).Consistency(level).Exec())
		if level != gocql.Any && level != gocql.EachQuorum {
			equal(one[string](s.session.Query("SELECT v FROM shop.timed WHERE id = 4").Consistency(level)), level.String())
		}
	}
}

func (s *suite) tracing() {
	for _, query := range []*gocql.Query{s.session.Query("SELECT * FROM shop.paged WHERE p = ?", 3),
		s.session.Query("INSERT INTO shop.timed (id, v) VALUES (?, ?)", 5, "traced")} {
		var told bytes.Buffer
		must(query.Trace(gocql.NewTraceWriter(s.session, &told)).Exec())
		lines := strings.Split(strings.TrimSpace(told.String()), "\n")
		holds(strings.HasPrefix(lines[0], "Tracing session ") && strings.Contains(lines[0], "(coordinator: 127.0.0.1, duration: "), lines)
		holds(len(lines) > 1 && strings.Contains(lines[1], "(source: 127.0.0.1, elapsed: "), lines)
	}
}

func (s *suite) errors() {
	refuse := func(statement string, code int) error {
		err := s.session.Query(statement).Exec()
		refused(err, code)
		return err
	}
	holds(strings.Contains(refuse("SELEKT 1", gocql.ErrCodeSyntax).Error(), "line 1:0"), "a syntax error names its place")
	for _, statement := range []string{"SELECT * FROM shop.nowhere", "SELECT nope FROM shop.timed", "SELECT * FROM nowhere.t",
		"INSERT INTO shop.timed (v) VALUES ('x')", "SELECT * FROM shop.timed WHERE v = 'x'"} {
		refuse(statement, gocql.ErrCodeInvalid)
	}
	refuse("CREATE KEYSPACE odd WITH replication = {'class': 'NoSuchStrategy'}", gocql.ErrCodeConfig)
	var exists *gocql.RequestErrAlreadyExists
	holds(errors.As(refuse("CREATE TABLE shop.timed (id int PRIMARY KEY)", gocql.ErrCodeAlreadyExists), &exists), "the class of the error")
	equal(exists.Keyspace+"."+exists.Table, "shop.timed")
}
