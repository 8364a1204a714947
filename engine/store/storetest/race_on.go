//go:build race

package storetest

// Raced says that the race detector is on, which allocates beside the program.
const Raced = true
