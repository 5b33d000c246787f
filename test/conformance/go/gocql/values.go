// Values of every type, bound in every way and read back.
package main

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"net"
	"reflect"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"gopkg.in/inf.v0"
)

func (s *suite) valueChecks() []check {
	return []check{
		{"every scalar there and back", s.scalars},
		{"every scalar as a key", s.keys},
		{"collections in collections", s.nestedCollections},
		{"tuples and user types", s.tuplesAndUserTypes},
		{"vectors of every element", s.vectors},
		{"named, unset and null", s.binds},
		{"keyspace of a statement", s.keyspaceOfStatement},
		{"large values both ways", s.largeValues},
	}
}

type scalar struct {
	name   string
	values []any
}

func scalarValues() []scalar {
	return []scalar{
		{"ascii", []any{"", "plain"}},
		{"bigint", []any{int64(math.MinInt64), int64(math.MaxInt64)}},
		{"blob", []any{[]byte{}, []byte{0, 255}}},
		{"boolean", []any{true, false}},
		{"date", []any{time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)}},
		{"decimal", []any{inf.NewDec(-150, 2), inf.NewDec(1, -20), inf.NewDec(1, 6)}},
		{"double", []any{1.5, math.Copysign(0, -1), math.MaxFloat64, math.Inf(-1)}},
		{"float", []any{float32(0.5), float32(-3.25), float32(math.SmallestNonzeroFloat32)}},
		{"inet", []any{net.ParseIP("127.0.0.1").To4(), net.ParseIP("2001:db8::1")}},
		{"int", []any{math.MinInt32, math.MaxInt32}},
		{"smallint", []any{int16(math.MinInt16), int16(math.MaxInt16)}},
		{"text", []any{"", "häß, 日本 '😀'"}},
		{"time", []any{time.Duration(0), 24*time.Hour - 1}},
		{"timestamp", []any{time.UnixMilli(-1).UTC(), time.UnixMilli(1714979289123).UTC()}},
		{"timeuuid", []any{gocql.TimeUUID()}},
		{"tinyint", []any{int8(math.MinInt8), int8(math.MaxInt8)}},
		{"uuid", []any{gocql.MustRandomUUID()}},
		{"varchar", []any{"v"}},
		{"varint", []any{big.NewInt(0), big.NewInt(-129), new(big.Int).Lsh(big.NewInt(1), 200)}},
		{"duration", []any{gocql.Duration{Months: 14, Days: 3, Nanoseconds: 5}, gocql.Duration{Months: -1, Days: -2, Nanoseconds: -3}}},
	}
}

// read is where a value like `value` is scanned to; same compares what came with it.
func read(value any) any { return reflect.New(reflect.TypeOf(value)).Interface() }

func same(got any, wanted any) {
	value := reflect.ValueOf(got).Elem().Interface()
	equal(fmt.Sprintf("%T %v", value, value), fmt.Sprintf("%T %v", wanted, wanted))
}

func (s *suite) scalars() {
	for _, kind := range scalarValues() {
		table := "shop.s_" + kind.name
		s.execute(fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s, l list<%s>)", table, kind.name, kind.name))
		for id, value := range kind.values {
			s.execute("INSERT INTO "+table+" (id, v, l) VALUES (?, ?, ?)", id, value, []any{value, value})
			got := read(value)
			list := reflect.New(reflect.SliceOf(reflect.TypeOf(value)))
			must(s.session.Query("SELECT v, l FROM "+table+" WHERE id = ?", id).Scan(got, list.Interface()))
			same(got, value)
			equal(list.Elem().Len(), 2)
			same(list.Elem().Index(1).Addr().Interface(), value)
		}
		s.execute("INSERT INTO "+table+" (id, v) VALUES (?, ?)", -1, nil)
		row := map[string]any{}
		must(s.session.Query("SELECT id, blobAsText(textAsBlob('x')), v FROM " + table + " WHERE id = -1").MapScan(row))
		equal(row["id"], -1)
	}
}

func (s *suite) keys() {
	for _, kind := range scalarValues() {
		if kind.name == "duration" {
			continue
		}
		table := "shop.k_" + kind.name
		s.execute(fmt.Sprintf("CREATE TABLE %s (a %s, b %s, v int, PRIMARY KEY (a, b))", table, kind.name, kind.name))
		// The last value is no empty one.
		key := kind.values[len(kind.values)-1]
		for number, value := range kind.values {
			s.execute("INSERT INTO "+table+" (a, b, v) VALUES (?, ?, ?)", key, value, number)
		}
		for number, value := range kind.values {
			a := read(value)
			var found int
			must(s.session.Query("SELECT a, v FROM "+table+" WHERE a = ? AND b = ?", key, value).Scan(a, &found))
			same(a, key)
			equal(found, number)
		}
	}
}

func (s *suite) nestedCollections() {
	s.execute(`CREATE TABLE shop.nested (id int PRIMARY KEY, l list<int>, s set<text>, m map<text, int>,
	    lm list<frozen<map<int, text>>>, ms map<text, frozen<set<double>>>, f frozen<list<frozen<list<frozen<set<int>>>>>>)`)
	lists, texts, ages := []int{3, 1, 3}, []string{"a", "b"}, map[string]int{"k": 1, "j": 2}
	maps, sets := []map[int]string{{1: "x"}, {}}, map[string][]float64{"one": {1}, "two": {-2.5, 2.5}}
	deep := [][][]int{{{1, 2}, {}}, {}}
	s.execute("INSERT INTO shop.nested (id, l, s, m, lm, ms, f) VALUES (?, ?, ?, ?, ?, ?, ?)", 1, lists, texts, ages, maps, sets, deep)
	var gotLists []int
	var gotTexts []string
	var gotAges map[string]int
	var gotMaps []map[int]string
	var gotSets map[string][]float64
	var gotDeep [][][]int
	must(s.session.Query("SELECT l, s, m, lm, ms, f FROM shop.nested WHERE id = 1").Scan(
		&gotLists, &gotTexts, &gotAges, &gotMaps, &gotSets, &gotDeep))
	equal([]any{gotLists, gotTexts, gotAges, gotMaps, gotSets, gotDeep}, []any{lists, texts, ages, maps, sets, deep})
	s.execute("UPDATE shop.nested SET l = l + [4], l[0] = 0, s = s - {'a'}, m['n'] = 3 WHERE id = 1")
	s.execute("UPDATE shop.nested SET ms = ms + ? WHERE id = 1", map[string][]float64{"three": {3}})
	var three []float64
	must(s.session.Query("SELECT l, s, ms['three'] FROM shop.nested WHERE id = 1").Scan(&gotLists, &gotTexts, &three))
	equal([]any{gotLists, gotTexts, three}, []any{[]int{0, 1, 3, 4}, []string{"b"}, []float64{3}})
}

type point struct {
	X int `cql:"x"`
	Y int `cql:"y"`
}

type line struct {
	Name   string  `cql:"name"`
	Points []point `cql:"points"`
}

func (s *suite) tuplesAndUserTypes() {
	s.execute("CREATE TYPE shop.point (x int, y int)")
	s.execute("CREATE TYPE shop.line (name text, points frozen<list<frozen<point>>>)")
	s.execute("CREATE TABLE shop.shapes (id int PRIMARY KEY, f frozen<line>, u line, t tuple<int, text, frozen<point>>)")
	value := line{"diagonal", []point{{0, 0}, {1, 1}}}
	// The driver binds no tuple whole.
	s.execute("INSERT INTO shop.shapes (id, f, u, t) VALUES (?, ?, ?, (?, ?, ?))", 1, value, value, 7, "seven", point{7, 7})
	var frozen, open line
	must(s.session.Query("SELECT f, u FROM shop.shapes WHERE id = 1").Scan(&frozen, &open))
	equal([]line{frozen, open}, []line{value, value})
	var first int
	var second string
	var third point
	must(s.session.Query("SELECT t FROM shop.shapes WHERE id = 1").Scan(&first, &second, &third))
	equal(fmt.Sprint(first, second, third), "7seven{7 7}")
	s.execute("UPDATE shop.shapes SET u.name = 'other' WHERE id = 1")
	equal(one[string](s.session.Query("SELECT u.name FROM shop.shapes WHERE id = 1")), "other")
	s.execute("ALTER TYPE shop.point ADD z int")
	grown := map[string]any{}
	must(s.session.Query("SELECT f FROM shop.shapes WHERE id = 1").Scan(&frozen))
	must(s.session.Query("SELECT u FROM shop.shapes WHERE id = 1").Scan(&grown))
	equal(grown["name"], "other")
}

func (s *suite) vectors() {
	s.execute(`CREATE TABLE shop.vectors (id int PRIMARY KEY, f vector<float, 3>, wide vector<float, 1536>, d vector<double, 2>,
	    t vector<text, 2>)`)
	wide := make([]float32, 1536)
	for i := range wide {
		wide[i] = rand.Float32()
	}
	f, d, t := []float32{1, 2.5, -3}, []float64{0.1, -0.2}, []string{"", "häß"}
	s.execute("INSERT INTO shop.vectors (id, f, wide, d, t) VALUES (?, ?, ?, ?, ?)", 1, f, wide, d, t)
	var gotF, gotWide []float32
	var gotD []float64
	var gotT []string
	must(s.session.Query("SELECT f, wide, d, t FROM shop.vectors WHERE id = 1").Scan(&gotF, &gotWide, &gotD, &gotT))
	equal([]any{gotF, gotWide, gotD, gotT}, []any{f, wide, d, t})
	err := s.session.Query("INSERT INTO shop.vectors (id, f) VALUES (1, [1, 2])").Exec()
	refused(err, gocql.ErrCodeInvalid)
}

func (s *suite) binds() {
	s.execute("CREATE TABLE shop.marks (id int PRIMARY KEY, a text, b text)")
	s.execute("INSERT INTO shop.marks (id, a, b) VALUES (:id, :a, :b)",
		gocql.NamedValue("id", 1), gocql.NamedValue("a", "kept"), gocql.NamedValue("b", "there"))
	s.execute("INSERT INTO shop.marks (id, a, b) VALUES (?, ?, ?)", 1, gocql.UnsetValue, "new")
	s.execute("INSERT INTO shop.marks (id, a, b) VALUES (?, ?, ?)", 2, "gone", nil)
	var a, b *string
	must(s.session.Query("SELECT a, b FROM shop.marks WHERE id = ?", 1).Scan(&a, &b))
	equal(*a+" "+*b, "kept new")
	must(s.session.Query("SELECT a, b FROM shop.marks WHERE id = ?", 2).Scan(&a, &b))
	equal(b == nil && *a == "gone", true)
	equal(len(column[int](s.session.Query("SELECT id FROM shop.marks WHERE id IN ?", []int{1, 2, 3}))), 2)
	s.execute("INSERT INTO shop.marks (id, a) VALUES (?, ?) USING TTL ? AND TIMESTAMP ?", 3, "timed", 1000, 1234)
	equal(one[int64](s.session.Query("SELECT writetime(a) FROM shop.marks WHERE id = 3")), int64(1234))
	equal(len(column[int](s.session.Query("SELECT id FROM shop.marks LIMIT ?", 2))), 2)
	holds(s.session.Query("SELECT a FROM shop.marks WHERE id = ?", 99).Scan(&a) == gocql.ErrNotFound, "no row is no error but ErrNotFound")
}

func (s *suite) keyspaceOfStatement() {
	cluster := s.cluster()
	cluster.Keyspace = "shop"
	other := open(cluster)
	defer other.Close()
	equal(one[string](other.Query("SELECT a FROM marks WHERE id = ?", 1)), "kept")
	if s.version == 5 {
		equal(one[string](other.Query("SELECT key FROM local").SetKeyspace("system")), "local")
		equal(one[string](other.Query("SELECT key FROM local WHERE key = ?", "local").SetKeyspace("system")), "local")
	}
	cluster = s.cluster()
	cluster.Keyspace = "nowhere"
	_, err := cluster.CreateSession()
	holds(err != nil, "a session to a keyspace that is not there")
}

func (s *suite) largeValues() {
	s.execute("CREATE TABLE shop.large (id int PRIMARY KEY, b blob, m map<int, text>)")
	noise := make([]byte, 3_000_000)
	rand.New(rand.NewSource(7)).Read(noise)
	many := map[int]string{}
	for i := 0; i < 20_000; i++ {
		many[i] = strings.Repeat("x", i%9)
	}
	for _, length := range []int{0, 131_071, 131_072, len(noise)} {
		s.execute("INSERT INTO shop.large (id, b, m) VALUES (?, ?, ?)", length, noise[:length], many)
		holds(bytes.Equal(one[[]byte](s.session.Query("SELECT b FROM shop.large WHERE id = ?", length)), noise[:length]), length)
	}
	equal(one[map[int]string](s.session.Query("SELECT m FROM shop.large WHERE id = 0")), many)
}
