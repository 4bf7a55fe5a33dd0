package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/kube"
	"github.com/lukaszraczylo/kubemirror/metrics"
	"github.com/lukaszraczylo/kubemirror/option"
)

// options is what the flags say (contract, "Flags").
type options struct {
	option.Mirroring

	discoveryInterval time.Duration
	workers           int
	qps               float64
	burst             int

	authors authorsOptions

	kubeconfig, context string

	leaderElect    bool
	leaseName      string
	leaseNamespace string
	metricsAddress string
	probesAddress  string
	loggingFormat  string

	metricsSecure     bool
	certFile, keyFile string
	certificate       *metrics.Certificate

	// former are the flags that were given and do nothing any more.
	former []string
}

// cluster is what they say of the API server.
func (o *options) cluster() kube.Config {
	return kube.Config{
		Kubeconfig: o.kubeconfig, Context: o.context, QPS: o.qps, Burst: o.burst,
		UserAgent: "kubemirror/" + version(),
	}
}

const usage = `Usage:
  kubemirror [flags]     keep mirrors of labelled objects in other namespaces
  kubemirror cleanup     take what it wrote off every source, before it is uninstalled (see cleanup --help)
  kubemirror version     print the version and exit

Flags:
`

// errHelp is what parse returns when help was asked for and given.
var errHelp = pflag.ErrHelp

// parse reads the command line and the environment. An error is one line that
// names the flag, its value and what it takes.
func parse(args []string, out io.Writer) (*options, error) {
	o := &options{}
	flags := pflag.NewFlagSet("kubemirror", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	o.register(flags)
	addFormer(flags, &o.former)
	verbosity := addLogging(flags, o)
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		_, _ = fmt.Fprint(out, usage+flags.FlagUsages())
		return nil, errHelp
	case err != nil:
		return nil, fmt.Errorf("%w; kubemirror --help lists the flags", err)
	case flags.NArg() > 0:
		return nil, fmt.Errorf("%q is no command; kubemirror --help lists them", flags.Arg(0))
	}
	if err := verbosity.settle(flags.Changed("v"), os.Getenv("LOG_LEVEL")); err != nil {
		return nil, err
	}
	var err error
	if o.Settings.Authors, err = o.authors.settings(); err != nil {
		return nil, err
	}
	if err := o.secureMetrics(); err != nil {
		return nil, err
	}
	return o, nil
}

// secureMetrics checks the flags of secure metrics against each other, and gets the
// certificate.
func (o *options) secureMetrics() (err error) {
	files := o.certFile != "" || o.keyFile != ""
	switch {
	case !o.metricsSecure && files:
		return fmt.Errorf("invalid values %q for --tls-cert-file and %q for --tls-private-key-file: they take --metrics-secure beside them", o.certFile, o.keyFile)
	case !o.metricsSecure || o.metricsAddress == metrics.Off:
		return nil
	case o.metricsAddress == o.probesAddress:
		return fmt.Errorf("invalid value %q for --metrics-bind-address: with --metrics-secure it takes another address than --health-probe-bind-address, since probes are plain", o.metricsAddress)
	case !files:
		o.certificate, err = metrics.SelfSigned()
		return err
	case o.certFile == "" || o.keyFile == "":
		return fmt.Errorf("invalid values %q for --tls-cert-file and %q for --tls-private-key-file: the one takes the other", o.certFile, o.keyFile)
	}
	if o.certificate, err = metrics.ReadCertificate(o.certFile, o.keyFile); err != nil {
		return fmt.Errorf("invalid values %q for --tls-cert-file and %q for --tls-private-key-file: they take PEM files of a certificate and its key: %w", o.certFile, o.keyFile, err)
	}
	return nil
}

func (o *options) register(flags *pflag.FlagSet) {
	o.Register(flags)
	o.discoveryInterval, o.workers, o.qps, o.burst = 5*time.Minute, 5, 50, 100
	flags.Var(option.Duration(&o.discoveryInterval), "discovery-interval", "how often to look for types anew, beside at once when one comes or goes")
	flags.Var(option.Whole(&o.workers), "worker-threads", "how many mirrors are worked on at a time; a fifth of them, or 2, for one source, and all but one for the sources of one namespace")
	flags.Var(option.Positive(&o.qps), "rate-limit-qps", "the most requests to the API server a second, watches and the lease apart")
	flags.Var(option.Whole(&o.burst), "rate-limit-burst", "how many requests may go beyond that in a row")
	o.authors.register(flags)

	o.leaderElect = true
	flags.VarPF(option.Boolean(&o.leaderElect), "leader-elect", "", "take turns with other replicas by a Lease; false runs without").NoOptDefVal = "true"
	o.leaseName = "kubemirror-controller-leader"
	flags.Var(option.DNSName(&o.leaseName), "leader-election-id", "the Lease's name")
	flags.Var(option.DNSName(&o.leaseNamespace), "leader-election-namespace", "the Lease's namespace (default: the one that the process runs in)")
	o.metricsAddress, o.probesAddress = ":8080", ":8081"
	flags.Var(address(&o.metricsAddress), "metrics-bind-address", `where /metrics is served; "0" turns it off`)
	flags.VarPF(option.Boolean(&o.metricsSecure), "metrics-secure", "", "serve /metrics by TLS, to those whom the API server lets get /metrics").NoOptDefVal = "true"
	flags.StringVar(&o.certFile, "tls-cert-file", "", "the certificate for --metrics-secure, a PEM file that is read anew when it changes (default: self-signed)")
	flags.StringVar(&o.keyFile, "tls-private-key-file", "", "the key of --tls-cert-file")
	flags.Var(address(&o.probesAddress), "health-probe-bind-address", `where /healthz, /livez and /readyz are served; "0" turns them off`)
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "the kubeconfig file (default: $KUBECONFIG, then the cluster that the process runs in, then ~/.kube/config)")
	flags.StringVar(&o.context, "context", "", "the kubeconfig's context (default: its current one)")
}

// address takes what a server listens on.
func address(to *string) *option.Value {
	return option.New("address", *to, func(s string) error {
		_, port, err := net.SplitHostPort(s)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if s != metrics.Off && err != nil {
			return errors.New(`it takes host:port or :port, with a port from 0 to 65535, or "0" for none`)
		}
		*to = s
		return nil
	})
}

// logging is the verbosity, which two flags and a variable of the environment set.
type logging struct{ v, vmodule *flag.Flag }

// mostVerbose is the highest verbosity: from 8 on, client-go logs the bodies of
// requests and responses, and so the content of Secrets (I8).
const mostVerbose = 7

func addLogging(flags *pflag.FlagSet, o *options) logging {
	own := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(own)
	l := logging{own.Lookup("v"), own.Lookup("vmodule")}
	flags.VarP(option.New("level", "0", func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < 0 || n > mostVerbose {
			return fmt.Errorf("it takes a whole number from 0 to %d; beyond that, logs would hold the content of Secrets", mostVerbose)
		}
		return l.v.Value.Set(s)
	}), "v", "v", "verbosity of the log: 0 what to know of, 2 each change, 4 each decision, 6 each request (default: $LOG_LEVEL as info, debug or trace, then 0)")
	flags.Var(option.New("pattern=N,…", "", func(s string) error {
		for item := range strings.SplitSeq(s, ",") {
			_, level, found := strings.Cut(item, "=")
			if n, err := strconv.Atoi(level); !found || err != nil || n < 0 || n > mostVerbose {
				return fmt.Errorf("it takes a comma list of file=N with N from 0 to %d", mostVerbose)
			}
		}
		return l.vmodule.Value.Set(s)
	}), "vmodule", "verbosity by source file, as file=N, comma separated")
	o.loggingFormat = "text"
	flags.Var(option.New("format", "text", func(s string) error {
		if s != "text" && s != "json" {
			return errors.New(`it takes "text" or "json"`)
		}
		o.loggingFormat = s
		return nil
	}), "logging-format", "the log's format, text or json")
	return l
}

// settle gives LOG_LEVEL its say where there is no -v.
func (l logging) settle(given bool, level string) error {
	if given || level == "" {
		return nil
	}
	verbosity, ok := map[string]string{"info": "0", "debug": "4", "trace": "6"}[level]
	if !ok {
		return fmt.Errorf(`invalid value %q for $LOG_LEVEL: it takes "info", "debug" or "trace"`, level)
	}
	return l.v.Value.Set(verbosity)
}
