// What is found by an index, by nearness, or as JSON.
package main

import (
	"fmt"
	"sort"
	"strings"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

func (s *suite) searchChecks() []check {
	return []check{
		{"secondary indexes", s.secondaryIndexes},
		{"nearest neighbours", s.nearestNeighbours},
		{"warnings", s.warnings},
		{"JSON", s.json},
		{"aggregates and aliases", s.aggregates},
	}
}

func (s *suite) ids(statement string, values ...any) []int {
	found := column[int](s.session.Query(statement, values...))
	sort.Ints(found)
	return found
}

func (s *suite) secondaryIndexes() {
	s.execute("CREATE TABLE shop.things (id int PRIMARY KEY, colour text, price int, tags set<text>, prices map<text, int>, v vector<float, 3>)")
	for _, index := range []string{"colour", "price", "tags", "entries(prices)"} {
		s.execute("CREATE INDEX ON shop.things (" + index + ") USING 'sai'")
	}
	for id := 0; id < 60; id++ {
		s.execute("INSERT INTO shop.things (id, colour, price, tags, prices, v) VALUES (?, ?, ?, ?, ?, ?)", id, []string{"blue", "red"}[id%2],
			id*10, []string{fmt.Sprint("t", id%5), "all"}, map[string]int{"eur": id}, []float32{float32(id), 1, 0})
	}
	equal(s.ids("SELECT id FROM shop.things WHERE colour = ? AND price < ?", "red", 60), []int{1, 3, 5})
	equal(s.ids("SELECT id FROM shop.things WHERE tags CONTAINS ? AND price > ?", "t3", 450), []int{48, 53, 58})
	equal(s.ids("SELECT id FROM shop.things WHERE prices[?] = ?", "eur", 33), []int{33})
	equal(len(column[int](s.session.Query("SELECT id FROM shop.things WHERE tags CONTAINS 'all'").PageSize(7))), 60)
	s.execute("UPDATE shop.things SET colour = 'green' WHERE id = 1")
	equal(s.ids("SELECT id FROM shop.things WHERE colour = ? AND price < ?", "red", 60), []int{3, 5})
}

var place = []float32{10.2, 1, 0}

func (s *suite) nearestNeighbours() {
	s.execute("CREATE CUSTOM INDEX things_v ON shop.things (v) USING 'StorageAttachedIndex' WITH OPTIONS = {'similarity_function': 'euclidean'}")
	nearest := "SELECT id FROM shop.things ORDER BY v ANN OF ? LIMIT ?"
	eventually(func() { equal(column[int](s.session.Query(nearest, place, 3)), []int{10, 11, 9}) })
	filtered := "SELECT id FROM shop.things WHERE colour = ? AND price > ? ORDER BY v ANN OF ? LIMIT 3"
	equal(column[int](s.session.Query(filtered, "red", 100, place)), []int{11, 13, 15})
	var score float32
	must(s.session.Query("SELECT similarity_euclidean(v, ?) FROM shop.things WHERE id = 10", place).Scan(&score))
	holds(score > 0.9615 && score < 0.9616, score)
	s.execute("DELETE FROM shop.things WHERE id = ?", 10)
	equal(column[int](s.session.Query(nearest, place, 2)), []int{11, 9})
	refused(s.session.Query("SELECT id FROM shop.things ORDER BY v ANN OF [1, 2] LIMIT 3").Exec(), gocql.ErrCodeInvalid)
}

func (s *suite) warnings() {
	iter := s.session.Query("SELECT id FROM shop.things ORDER BY v ANN OF ? LIMIT 20", place).Consistency(gocql.One).PageSize(5).Iter()
	warnings := iter.Warnings()
	must(iter.Close())
	holds(len(warnings) == 1 && strings.HasPrefix(warnings[0], "Paging is not supported for Vector Search queries"), warnings)
}

func (s *suite) json() {
	s.execute("CREATE TABLE shop.documents (id int PRIMARY KEY, name text, parts list<int>, v vector<float, 2>)")
	document := `{"id": 1, "name": "häß \"x\"", "parts": [1, 2], "v": [0.5, -1.0]}`
	s.execute("INSERT INTO shop.documents JSON ?", document)
	equal(one[string](s.session.Query("SELECT JSON id, name, parts, v FROM shop.documents")), document)
}

func (s *suite) aggregates() {
	row := map[string]any{}
	must(s.session.Query("SELECT count(*) AS n, min(price) AS low, sum(price), CAST(avg(price) AS double) AS mean FROM shop.things WHERE id IN ?",
		[]int{1, 2, 3}).MapScan(row))
	equal(fmt.Sprint(row), "map[low:10 mean:20 n:3 system.sum(price):60]")
}
