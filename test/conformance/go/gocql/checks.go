// What the checks share: a check is a function that panics where it fails; each prints one line, 'ok NAME' or
// 'FAIL NAME', and runs even if one before it failed.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

type check struct {
	name string
	body func()
}

var runner = bufio.NewReader(os.Stdin)

// run returns how many of `checks` failed.
func run(checks []check) int {
	failed := 0
	for _, one := range checks {
		if failure := failureOf(one.body); failure != "" {
			failed++
			fmt.Printf("FAIL %s\n    %s\n", one.name, strings.ReplaceAll(failure, "\n", "\n    "))
		} else {
			fmt.Printf("ok %s\n", one.name)
		}
	}
	return failed
}

func failureOf(body func()) (failure string) {
	defer func() {
		if what := recover(); what != nil {
			failure = fmt.Sprintf("%v\n%s", what, debug.Stack())
		}
	}()
	body()
	return ""
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("got %#v, wanted %#v", got, wanted))
	}
}

func holds(condition bool, what any) {
	if !condition {
		panic(what)
	}
}

// refused: the server answers with this code.
func refused(err error, code int) {
	var answer gocql.RequestError
	if !errors.As(err, &answer) || answer.Code() != code {
		panic(fmt.Sprintf("expected an error 0x%04x, got %v", code, err))
	}
}

// eventually returns once body no longer panics.
func eventually(body func()) {
	deadline := time.Now().Add(time.Minute)
	for {
		failure := failureOf(body)
		if failure == "" {
			return
		}
		if time.Now().After(deadline) {
			panic(failure)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// askRunner asks who owns the server; it answers with a line.
func askRunner(request string) {
	fmt.Println(request)
	_, err := runner.ReadString('\n')
	must(err)
}
