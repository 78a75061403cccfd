// pulumi-language-nodejs: the part of Pulumi's Node language host that a compiled Holdfast project needs, over the
// published Go SDK (the official host's module has no tagged version, so a Go module mirror does not serve it).
//
// It runs programs (Run) and policy packs and other plugins written for Node (RunPlugin). Left out on purpose: finding and
// downloading provider plugins (GetRequiredPackages answers "none"), `pulumi install`, `new`, `convert`, `about`'s Node part,
// SDK generation, debuggers, tracing, Yarn PnP (packages are found by walking up node_modules), and the package manager options.
// Those answer "unimplemented", which the engine reports; whoever needs them puts the official release on PATH, which wins.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	sdk "github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The exit code of Node's run scripts when the error has been shown already (cmd/run/index.js in @pulumi/pulumi).
const alreadyExplained = 32

func main() {
	if len(os.Args) == 2 && (os.Args[1] == "--version" || os.Args[1] == "-version") {
		fmt.Println(version.Version)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	h := &host{ctx: ctx, stop: stop}
	// The engine passes its address last, after logging flags that this host has no use for.
	if last := len(os.Args) - 1; last > 0 && !strings.HasPrefix(os.Args[last], "-") {
		h.engine = os.Args[last]
		// An engine that was killed cannot say goodbye; without this the host would outlive it for ever.
		fatal(rpcutil.Healthcheck(ctx, h.engine, time.Minute, stop))
	}
	cancel := make(chan bool, 1)
	go func() { <-ctx.Done(); cancel <- true }()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init:   func(s *grpc.Server) error { pulumirpc.RegisterLanguageRuntimeServer(s, h); return nil },
	})
	fatal(err)
	fmt.Println(handle.Port)
	fatal(<-handle.Done)
}

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	ctx    context.Context // ends with the process; children started for a call end with it
	stop   context.CancelFunc
	engine string // host:port of the engine's gRPC server
}

func (h *host) Handshake(_ context.Context, r *pulumirpc.LanguageHandshakeRequest) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = r.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// GetRequiredPackages: nothing to download. Plugins are taken from where they lie (PATH, PULUMI_HOME, beside the engine).
func (h *host) GetRequiredPackages(
	context.Context, *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	return &pulumirpc.GetRequiredPackagesResponse{}, nil
}

// Cancel is the engine's Ctrl-C.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.stop()
	return &emptypb.Empty{}, nil
}

// Run executes the project's program to its end.
func (h *host) Run(ctx context.Context, r *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	info := r.GetInfo()
	args, err := runScript("run", info)
	if err != nil {
		return nil, err
	}
	for _, flag := range [][2]string{
		{"monitor", r.GetMonitorAddress()}, {"engine", h.engine}, {"organization", r.GetOrganization()},
		{"project", r.GetProject()}, {"root-directory", info.GetRootDirectory()}, {"stack", r.GetStack()},
		{"pwd", r.GetPwd()}, {"parallel", strconv.Itoa(int(r.GetParallel()))},
	} {
		if flag[1] != "" {
			args = append(args, "--"+flag[0], flag[1])
		}
	}
	if r.GetDryRun() {
		args = append(args, "--dry-run")
	}
	cmd := h.node(ctx, append(append(args, info.GetEntryPoint()), r.GetArgs()...))
	cmd.Env = append(append(os.Environ(), programEnv(info)...),
		"PULUMI_CONFIG="+asJSON(r.GetConfig()), "PULUMI_CONFIG_SECRET_KEYS="+asJSON(r.GetConfigSecretKeys()))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == alreadyExplained {
		return &pulumirpc.RunResponse{Bail: true}, nil
	} else if err != nil {
		return &pulumirpc.RunResponse{Error: "the program ended with: " + err.Error()}, nil
	}
	return &pulumirpc.RunResponse{}, nil
}

// RunPlugin executes a policy pack (kind "analyzer") or another plugin until the engine closes the stream.
func (h *host) RunPlugin(r *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer) error {
	ctx, dir := stream.Context(), r.GetInfo().GetProgramDirectory()
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(stream, false)
	if err != nil {
		return err
	}
	defer closer.Close()

	if r.GetKind() != "analyzer" {
		args, err := runScript("run-plugin", r.GetInfo())
		if err != nil {
			return err
		}
		cmd := h.node(ctx, append(append(args, dir), r.GetArgs()...))
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = r.GetPwd(), append(r.GetEnv(), programEnv(r.GetInfo())...), stdout, stderr
		return sendExit(stream, cmd.Run())
	}

	// Node policy packs read the stack's config from their environment when they start, but the engine sends it in a call
	// after the start. The SDK's proxy answers that call first; the pack is started with what it said.
	args, err := runScript("run-policy-pack", r.GetInfo())
	if err != nil {
		return err
	}
	proxy, proxied, err := sdk.NewPolicyProxy(ctx, stdout)
	if err != nil {
		return err
	}
	conf, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return err
	}
	// The pack's own node_modules are what it must load, so it starts in its own directory.
	cmd := h.node(ctx, append(append(args, r.GetArgs()...), dir))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, proxied, stderr
	cmd.Env = append(append(r.GetEnv(), programEnv(r.GetInfo())...), "PULUMI_CONFIG="+asJSON(conf.GetConfig()))
	if conf != nil { // nil when no stack is involved, as in `pulumi policy publish`
		cmd.Env = append(cmd.Env, "PULUMI_NODEJS_PROJECT="+conf.GetProject(), "PULUMI_NODEJS_STACK="+conf.GetStack(),
			"PULUMI_NODEJS_ORGANIZATION="+conf.GetOrganization(), "PULUMI_NODEJS_DRY_RUN="+strconv.FormatBool(conf.GetDryRun()))
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	return sendExit(stream, proxy.Attach(ctx, cmd))
}

// runScript answers Node's arguments up to and with one of the SDK's start scripts, the SDK being the program's own copy.
func runScript(name string, info *pulumirpc.ProgramInfo) ([]string, error) {
	var args []string
	if extra := info.GetOptions().GetFields()["nodeargs"].GetStringValue(); extra != "" {
		args = strings.Fields(extra)
	}
	for dir := info.GetProgramDirectory(); ; dir = filepath.Dir(dir) {
		script := filepath.Join(dir, "node_modules", "@pulumi", "pulumi", "cmd", name)
		if _, err := os.Stat(filepath.Join(script, "index.js")); err == nil {
			return append(args, script), nil
		} else if dir == filepath.Dir(dir) {
			return nil, fmt.Errorf("no @pulumi/pulumi in the node_modules of %s or above it: run npm install there",
				info.GetProgramDirectory())
		}
	}
}

// programEnv tells the start scripts whether to compile TypeScript on the way: the default, unless the project says no.
func programEnv(info *pulumirpc.ProgramInfo) []string {
	if option, stated := info.GetOptions().GetFields()["typescript"]; stated && !option.GetBoolValue() {
		return nil
	}
	return []string{"PULUMI_NODEJS_TYPESCRIPT=true"}
}

// node prepares a child that is asked to end (SIGTERM) when the call or this process ends, and made to five seconds later.
func (h *host) node(call context.Context, args []string) *exec.Cmd {
	ctx, cancel := context.WithCancel(call)
	context.AfterFunc(h.ctx, cancel)
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

func sendExit(stream pulumirpc.LanguageRuntime_RunPluginServer, err error) error {
	var code int32
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = int32(exit.ExitCode())
	} else if err != nil {
		return err
	}
	return stream.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: code}})
}

// asJSON never answers "null": the SDK would fail on it where it expects an object or a list.
func asJSON(value any) string {
	switch v := value.(type) {
	case map[string]string:
		if v == nil {
			return "{}"
		}
	case []string:
		if v == nil {
			return "[]"
		}
	}
	text, err := json.Marshal(value)
	fatal(err)
	return string(text)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-nodejs:", err)
		os.Exit(1)
	}
}
