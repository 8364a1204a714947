package engine_test

import (
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
)

func TestExpiringLong(t *testing.T) {
	f := create(t)
	c := newChat("x")
	k := c.photo("big", day0, 7<<20)
	c.change(k, func(it *engine.Item) { it.Expires = day0.Add(24 * time.Hour * 3) })
	f.backup(c)
	holds(t, f.a, "latest", c)
}
