//go:build tools

// Package kubescore pins, by import, a command that is built unchanged.
package kubescore

import (
	_ "github.com/zegl/kube-score/cmd/kube-score"
)
