//go:build tools

// Package gvisor pins, by import, the two programs of gVisor.
package gvisor

import (
	_ "gvisor.dev/gvisor/runsc"
	_ "gvisor.dev/gvisor/shim"
)
