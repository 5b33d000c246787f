// Many requests at a time, and a server that changes or goes away under open sessions.
package main

import (
	"fmt"
	"sync"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

const inFlight = 256

func (s *suite) lifeChecks() []check {
	return []check{
		{"256 requests in flight on one connection", s.manyInFlight},
		{"a prepared statement sees columns added", s.columnsAdded},
		{"a prepared statement outlives its table", s.tableDropped},
		{"a restart under an open session", s.restart},
		{"no acknowledged write is lost by a crash", s.crash},
	}
}

// flood executes 0..count, inFlight at a time.
func (s *suite) flood(count int, execute func(int) error) {
	numbers := make(chan int)
	failures := make(chan error, count)
	var workers sync.WaitGroup
	for range inFlight {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for number := range numbers {
				if err := execute(number); err != nil {
					failures <- err
				}
			}
		}()
	}
	for number := range count {
		numbers <- number
	}
	close(numbers)
	workers.Wait()
	close(failures)
	for failure := range failures {
		must(failure)
	}
}

func (s *suite) manyInFlight() {
	s.execute("CREATE TABLE shop.flood (id int PRIMARY KEY, v text)")
	s.flood(5000, func(id int) error {
		return s.session.Query("INSERT INTO shop.flood (id, v) VALUES (?, ?)", id, fmt.Sprint("v", id)).Exec()
	})
	s.flood(5000, func(id int) error {
		var value string
		err := s.session.Query("SELECT v FROM shop.flood WHERE id = ?", id).Scan(&value)
		if err == nil && value != fmt.Sprint("v", id) {
			return fmt.Errorf("%d has %s", id, value)
		}
		return err
	})
}

func (s *suite) columnsAdded() {
	s.execute("CREATE TABLE shop.grown (id int PRIMARY KEY, a int)")
	s.execute("INSERT INTO shop.grown (id, a) VALUES (?, ?)", 1, 1)
	read := func() map[string]any {
		row := map[string]any{}
		must(s.session.Query("SELECT * FROM shop.grown WHERE id = ?", 1).MapScan(row))
		return row
	}
	equal(read(), map[string]any{"id": 1, "a": 1})
	s.execute("ALTER TABLE shop.grown ADD b int")
	s.execute("UPDATE shop.grown SET b = 2 WHERE id = 1")
	row := read()
	equal([]any{row["id"], row["a"]}, []any{1, 1})
	if s.version == 5 {
		equal(row["b"], 2)
	}
}

func (s *suite) tableDropped() {
	select1 := func() error { return s.session.Query("SELECT a FROM shop.grown WHERE id = ?", 1).Exec() }
	must(select1())
	s.execute("DROP TABLE shop.grown")
	refused(select1(), gocql.ErrCodeInvalid)
	s.execute("CREATE TABLE shop.grown (id int PRIMARY KEY, a int)")
	must(select1())
}

func (s *suite) restart() {
	s.execute("CREATE TABLE shop.kept (id int PRIMARY KEY, t text)")
	insert := "INSERT INTO shop.kept (id, t) VALUES (?, ?)"
	s.execute(insert, 1, "before")
	askRunner("@restart")
	eventually(func() { equal(one[string](s.session.Query("SELECT t FROM shop.kept WHERE id = ?", 1)), "before") })
	s.execute(insert, 2, "after")
	equal(s.ids("SELECT id FROM shop.kept"), []int{1, 2})
	// The control connection is there again when it hears of a change by another.
	other := open(s.cluster())
	must(other.Query("ALTER TABLE shop.kept ADD more int").Exec())
	other.Close()
	eventually(func() {
		holds(s.metadata().Tables["kept"].Columns["more"] != nil, "a change is heard of after a restart")
	})
}

func (s *suite) crash() {
	for id := 10; id < 110; id++ {
		s.execute("INSERT INTO shop.kept (id, t) VALUES (?, ?)", id, fmt.Sprint("t", id))
	}
	askRunner("@crash")
	read := func(id int) string {
		return one[string](s.session.Query("SELECT t FROM shop.kept WHERE id = ?", id))
	}
	eventually(func() { equal(read(10), "t10") })
	for id := 10; id < 110; id++ {
		equal(read(id), fmt.Sprint("t", id))
	}
}
