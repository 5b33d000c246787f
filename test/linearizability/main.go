// Asks Porcupine about histories of registers, a line of JSON each (README.md), from standard
// input. Fails when one is judged otherwise than its line says it is.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

// Rows of a partition, at most.
const rowsMax = 4

// What Porcupine may take for one history.
const patience = time.Minute

// A register: nil when there is no row.
type register = *int64

type rowRegister struct {
	Row   int
	Value register
}

type condition struct {
	Row   int
	Is    string
	Value register
}

type operation struct {
	Partition int
	Call      int64
	Return    *int64
	If        []condition
	Set       []rowRegister
	Outcome   string
	Seen      []rowRegister
}

type history struct {
	Linearizable bool
	Operations   []operation
}

// The content of a register, as something that can be compared.
type content struct {
	isThere bool
	value   int64
}

type registers [rowsMax]content

func contentOf(value register) content {
	if value == nil {
		return content{}
	}
	return content{true, *value}
}

func holds(wanted condition, found content) bool {
	switch wanted.Is {
	case "exists":
		return found.isThere
	case "absent":
		return !found.isThere
	case "=":
		return found == contentOf(wanted.Value)
	case "!=":
		return found != contentOf(wanted.Value)
	case "<":
		return found.isThere && found.value < *wanted.Value
	}
	panic("unknown condition " + wanted.Is)
}

// step says whether the registers explain the answer, and what they are afterwards.
func step(state, input, _ interface{}) (bool, interface{}) {
	before, done := state.(registers), input.(operation)
	isMet := true
	for _, wanted := range done.If {
		isMet = isMet && holds(wanted, before[wanted.Row])
	}
	if done.Outcome != "unknown" && isMet != (done.Outcome == "applied") {
		return false, state
	}
	for _, seen := range done.Seen {
		if before[seen.Row] != contentOf(seen.Value) {
			return false, state
		}
	}
	after := before
	for _, effect := range done.Set {
		if isMet {
			after[effect.Row] = contentOf(effect.Value)
		}
	}
	return true, after
}

func byPartition(all []porcupine.Operation) [][]porcupine.Operation {
	parts := map[int][]porcupine.Operation{}
	for _, one := range all {
		partition := one.Input.(operation).Partition
		parts[partition] = append(parts[partition], one)
	}
	list := [][]porcupine.Operation{}
	for _, part := range parts {
		list = append(list, part)
	}
	return list
}

var model = porcupine.Model{
	Partition: byPartition,
	Init:      func() interface{} { return registers{} },
	Step:      step,
}

func judge(told history) porcupine.CheckResult {
	operations := make([]porcupine.Operation, len(told.Operations))
	for i, one := range told.Operations {
		returned := int64(math.MaxInt64)
		if one.Return != nil {
			returned = *one.Return
		}
		operations[i] = porcupine.Operation{ClientId: i, Input: one, Call: one.Call, Return: returned}
	}
	return porcupine.CheckOperationsTimeout(model, operations, patience)
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	histories, operations, wrong := 0, 0, 0
	for lines.Scan() {
		var told history
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			fail("line %d: %v", histories+1, err)
		}
		histories++
		operations += len(told.Operations)
		expected := porcupine.Illegal
		if told.Linearizable {
			expected = porcupine.Ok
		}
		if found := judge(told); found != expected {
			wrong++
			fmt.Printf("line %d: %v, but %v is expected\n", histories, found, expected)
		}
	}
	if err := lines.Err(); err != nil {
		fail("%v", err)
	}
	fmt.Printf("Porcupine: %d histories, %d operations; %d passed, %d failed\n", histories, operations,
		histories-wrong, wrong)
	if wrong > 0 || histories == 0 {
		os.Exit(1)
	}
}
