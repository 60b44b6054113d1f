// Package sys replaces containerd's package of that name in gVisor's shim.
//
// The shim asks for a lower (safer) OOM score than it has itself. That needs
// CAP_SYS_RESOURCE, which root of a small virtual machine may lack; the original
// treats the refusal as fatal for root. Here a refused score stays as it is: the
// kernel then merely chooses among the cluster's processes without our advice.
package sys

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	// OOMScoreAdjMin is the score of a process that is never chosen.
	OOMScoreAdjMin = -1000
	// OOMScoreAdjMax is the score of a process that is chosen first.
	OOMScoreAdjMax = 1000
)

// AdjustOOMScore sets a score, clipped to what the kernel knows.
func AdjustOOMScore(pid, score int) error {
	return SetOOMScore(pid, min(max(score, OOMScoreAdjMin), OOMScoreAdjMax))
}

// SetOOMScore sets a score; a refusal for lack of privilege is no error.
func SetOOMScore(pid, score int) error {
	if score < OOMScoreAdjMin || score > OOMScoreAdjMax {
		return fmt.Errorf("OOM score %d is not between %d and %d", score, OOMScoreAdjMin, OOMScoreAdjMax)
	}
	err := os.WriteFile(file(pid), []byte(strconv.Itoa(score)), 0)
	if errors.Is(err, os.ErrPermission) {
		return nil
	}
	return err
}

// GetOOMScoreAdj reads a process's score.
func GetOOMScoreAdj(pid int) (int, error) {
	text, err := os.ReadFile(file(pid))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func file(pid int) string {
	return fmt.Sprintf("/proc/%d/oom_score_adj", pid)
}
