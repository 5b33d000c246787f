// What the driver knows of the cluster and of the schema, and how it hears of changes.
package main

import (
	"fmt"
	"sort"
	"strings"
	"sync"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

var shop = []string{
	"CREATE TYPE shop.place (street text, numbers frozen<list<int>>)",
	"CREATE TYPE shop.person (name text, homes frozen<map<text, frozen<place>>>)",
	`CREATE TABLE shop.orders (region text, customer int, day date, seq int, note text static, buyer frozen<person>,
	     target place, tags set<text>, parts map<text, frozen<list<int>>>, size tuple<int, text>, look vector<float, 3>,
	     total decimal, "MixedCase" text, span duration, PRIMARY KEY ((region, customer), day, seq))
	     WITH CLUSTERING ORDER BY (day DESC, seq ASC) AND comment = 'it''s orders'`,
	"CREATE TABLE shop.counts (id int PRIMARY KEY, n counter)",
	"CREATE INDEX by_total ON shop.orders (total)",
	"CREATE INDEX by_tags ON shop.orders (tags) USING 'sai'",
	`CREATE CUSTOM INDEX by_look ON shop.orders (look) USING 'StorageAttachedIndex'
	     WITH OPTIONS = {'similarity_function': 'euclidean'}`,
}

func (s *suite) schemaChecks() []check {
	return []check{
		{"connection and cluster", s.clusterKnown},
		{"keyspace", s.keyspaceKnown},
		{"table", s.tableKnown},
		{"user types", s.userTypesKnown},
		{"metadata of a statement", s.statementKnown},
		{"a description recreates the schema", s.descriptionRecreates},
		{"changes by others are heard of", s.changesHeard},
	}
}

func (s *suite) clusterKnown() {
	hosts := s.session.GetHosts()
	equal(len(hosts), 1)
	host := hosts[0]
	equal(host.DataCenter()+" "+host.Rack()+" "+host.Version().String(), "datacenter1 rack1 v5.0.0")
	equal(host.Partitioner(), "org.apache.cassandra.dht.Murmur3Partitioner")
	equal(host.HostID(), one[gocql.UUID](s.session.Query("SELECT host_id FROM system.local")).String())
	equal(host.ClusterName(), one[string](s.session.Query("SELECT cluster_name FROM system.local")))
	holds(len(host.Tokens()) > 0 && host.IsUp(), host)
}

// metadata of the keyspace, which a driver that hears of changes keeps.
func (s *suite) metadata() *gocql.KeyspaceMetadata {
	keyspace, err := s.session.KeyspaceMetadata("shop")
	must(err)
	return keyspace
}

func (s *suite) keyspaceKnown() {
	for _, statement := range shop {
		s.execute(statement)
	}
	eventually(func() {
		keyspace := s.metadata()
		equal(keyspace.DurableWrites, true)
		equal(keyspace.StrategyClass, "org.apache.cassandra.locator.SimpleStrategy")
		equal(fmt.Sprint(keyspace.StrategyOptions["replication_factor"]), "1")
		equal(names(keyspace.Tables), []string{"counts", "orders"})
		equal(len(keyspace.Functions)+len(keyspace.Aggregates)+len(keyspace.MaterializedViews), 0)
	})
}

func names[T any](all map[string]T) []string {
	found := []string{}
	for name := range all {
		found = append(found, name)
	}
	sort.Strings(found)
	return found
}

func (s *suite) tableKnown() {
	table := s.metadata().Tables["orders"]
	equal(described(table.PartitionKey), "region partition_key text none, customer partition_key int none")
	equal(described(table.ClusteringColumns), "day clustering_key date desc, seq clustering_key int asc")
	var columns []*gocql.ColumnMetadata
	for _, name := range names(table.Columns) {
		if column := table.Columns[name]; column.Kind != gocql.ColumnPartitionKey && column.Kind != gocql.ColumnClusteringKey {
			columns = append(columns, column)
		}
	}
	equal(described(columns), "MixedCase regular text none, buyer regular frozen<person> none, look regular vector<float, 3> none, "+
		"note static text none, parts regular map<text, frozen<list<int>>> none, size regular frozen<tuple<int, text>> none, "+
		"span regular duration none, tags regular set<text> none, target regular place none, total regular decimal none")
	equal(table.Columns["look"].Type.Type(), gocql.TypeCustom)
	equal(s.metadata().Tables["counts"].Columns["n"].Type.Type(), gocql.TypeCounter)
}

func described(columns []*gocql.ColumnMetadata) string {
	var all []string
	for _, column := range columns {
		all = append(all, fmt.Sprint(column.Name, " ", column.Kind, " ", column.Validator, " ", column.ClusteringOrder))
	}
	return strings.Join(all, ", ")
}

func (s *suite) userTypesKnown() {
	types := s.metadata().UserTypes
	equal(names(types), []string{"person", "place"})
	equal(types["person"].FieldNames, []string{"name", "homes"})
	equal(types["place"].FieldTypes[1].Type(), gocql.TypeList)
}

func (s *suite) statementKnown() {
	context := s.session.Query("").Context()
	known, err := s.session.StatementMetadata(context,
		"SELECT note, look, total AS sum FROM shop.orders WHERE seq = ? AND day = ? AND customer = ? AND region = ?", "")
	must(err)
	equal(known.Keyspace+"."+known.Table, "shop.orders")
	equal(known.PKBindColumnIndexes, []int{3, 2})
	var bound, found []string
	for _, column := range known.BindColumns {
		bound = append(bound, column.Name)
	}
	for _, column := range known.ResultColumns {
		found = append(found, column.Name)
	}
	equal(bound, []string{"seq", "day", "customer", "region"})
	equal(found, []string{"note", "look", "sum"})
}

func (s *suite) descriptionRecreates() {
	told := s.told()
	before := described(columnsOf(s.metadata().Tables["orders"]))
	s.execute("DROP KEYSPACE shop")
	for _, statement := range told {
		s.execute(statement)
	}
	sort.Strings(told)
	again := s.told()
	sort.Strings(again)
	equal(again, told)
	eventually(func() { equal(described(columnsOf(s.metadata().Tables["orders"])), before) })
}

func (s *suite) told() []string {
	var told []string
	var keyspace, kind, name, statement string
	iter := s.session.Query("DESCRIBE KEYSPACE shop").Iter()
	for iter.Scan(&keyspace, &kind, &name, &statement) {
		told = append(told, statement)
	}
	must(iter.Close())
	return told
}

func columnsOf(table *gocql.TableMetadata) []*gocql.ColumnMetadata {
	var columns []*gocql.ColumnMetadata
	for _, name := range names(table.Columns) {
		columns = append(columns, table.Columns[name])
	}
	return columns
}

// A listener notes what it hears of.
type listener struct {
	lock  sync.Mutex
	heard []string
}

func (l *listener) note(what string) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.heard = append(l.heard, what)
}

func (l *listener) hears(what string) {
	eventually(func() {
		l.lock.Lock()
		defer l.lock.Unlock()
		holds(strings.Contains(strings.Join(l.heard, ", "), what), l.heard)
	})
}

func (l *listener) OnKeyspaceCreated(event gocql.OnKeyspaceCreatedEvent) {
	l.note("created keyspace " + event.Keyspace.Name)
}

func (l *listener) OnKeyspaceUpdated(event gocql.OnKeyspaceUpdatedEvent) {
	l.note("updated keyspace " + event.New.Name)
}

func (l *listener) OnKeyspaceDropped(event gocql.OnKeyspaceDroppedEvent) {
	l.note("dropped keyspace " + event.Keyspace.Name)
}

func (l *listener) OnTableCreated(event gocql.OnTableCreatedEvent) {
	l.note("created table " + event.Table.Name)
}

func (l *listener) OnTableUpdated(event gocql.OnTableUpdatedEvent) {
	l.note("updated table " + event.New.Name)
}

func (l *listener) OnTableDropped(event gocql.OnTableDroppedEvent) {
	l.note("dropped table " + event.Table.Name)
}

func (l *listener) OnUserTypeCreated(event gocql.OnUserTypeCreatedEvent) {
	l.note("created type " + event.UserType.Name)
}

func (l *listener) OnUserTypeUpdated(event gocql.OnUserTypeUpdatedEvent) {
	l.note("updated type " + event.New.Name)
}

func (l *listener) OnUserTypeDropped(event gocql.OnUserTypeDroppedEvent) {
	l.note("dropped type " + event.UserType.Name)
}

func (s *suite) changesHeard() {
	heard := &listener{}
	cluster := s.cluster()
	cluster.Metadata.SchemaListener = gocql.SchemaListenersConfig{
		KeyspaceChangeListener: heard, TableChangeListener: heard, UserTypeChangeListener: heard}
	other := open(cluster)
	defer other.Close()
	for _, change := range [][2]string{
		{"CREATE KEYSPACE heard WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}", "created keyspace heard"},
		{"CREATE TYPE heard.pair (a int, b int)", "created type pair"},
		{"ALTER TYPE heard.pair ADD c int", "updated type pair"},
		{"CREATE TABLE heard.t (id int PRIMARY KEY, p pair)", "created table t"},
		{"ALTER TABLE heard.t ADD more text", "updated table t"},
		{"DROP TABLE heard.t", "dropped table t"},
		{"DROP TYPE heard.pair", "dropped type pair"},
		{"ALTER KEYSPACE heard WITH durable_writes = false", "updated keyspace heard"},
		{"DROP KEYSPACE heard", "dropped keyspace heard"},
	} {
		s.execute(change[0])
		heard.hears(change[1])
	}
}
