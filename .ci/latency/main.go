// Command latency stands before servers and makes each answer come later, without limiting
// how much comes: a server that is far away behind a wide line.
//
//	go run ./.ci/latency 50ms 127.0.0.1:8001=127.0.0.1:8000 ...
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: latency DURATION HERE=THERE…")
	}
	delay, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	ended := make(chan error)
	for _, a := range args[1:] {
		here, there, _ := strings.Cut(a, "=")
		l, err := net.Listen("tcp", here)
		if err != nil {
			return err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					ended <- err
					return
				}
				go stand(c, there, delay)
			}
		}()
	}
	return <-ended
}

// stand carries one connection, what comes back a while later.
func stand(near net.Conn, there string, delay time.Duration) {
	defer near.Close()
	far, err := net.Dial("tcp", there)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		io.Copy(far, near)
		far.(*net.TCPConn).CloseWrite()
	}()
	later(near, far, delay)
}

// A piece is some bytes and when they are due.
type piece struct {
	data []byte
	due  time.Time
}

func later(to io.Writer, from io.Reader, delay time.Duration) {
	line := make(chan piece, 4096) // what is under way at once
	go func() {
		defer close(line)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			if n > 0 {
				line <- piece{buf[:n], time.Now().Add(delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range line {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	for range line { // until the reader has ended
	}
}
