import { endianness } from "node:os";

/** System calls that no program of a phase needs and that lead into the kernel's depths: their numbers on x64 and arm64. */
const REFUSED: { readonly [call: string]: readonly [number, number] } = {
  acct: [163, 89],
  add_key: [248, 217],
  bpf: [321, 280],
  delete_module: [176, 106],
  finit_module: [313, 273],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fsopen: [430, 430],
  fspick: [433, 433],
  init_module: [175, 105],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  io_uring_setup: [425, 425],
  kexec_file_load: [320, 294],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  mount: [165, 40],
  mount_setattr: [442, 442],
  move_mount: [429, 429],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  perf_event_open: [298, 241],
  pivot_root: [155, 41],
  quotactl: [179, 60],
  reboot: [169, 142],
  request_key: [249, 218],
  setns: [308, 268],
  swapoff: [168, 225],
  swapon: [167, 224],
  syslog: [103, 116],
  umount2: [166, 39],
  unshare: [272, 97],
  userfaultfd: [323, 282],
};
const SOCKET = [41, 198] as const;
/** Unix, IPv4, IPv6, netlink. A network namespace does not hold the others: vsock reaches the machine's own host. */
const FAMILIES = [1, 2, 10, 16];

/** AUDIT_ARCH_* of linux/audit.h. */
const MACHINES: { readonly [arch: string]: readonly [audit: number, column: 0 | 1] } = {
  x64: [0xc000003e, 0],
  arm64: [0xc00000b7, 1],
};

const [LOAD, EQUAL, AT_LEAST, RETURN] = [0x20, 0x15, 0x35, 0x06];
const [NUMBER, ARCH, FIRST] = [0, 4, 16];
const ALLOW = 0x7fff0000;
const refuse = (errno: number): number => 0x00050000 | errno;
const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97];
/** System calls of the x32 interface, which would pass under numbers that no list has. */
const X32 = 0x40000000;

type Instruction = readonly [code: number, yes: number, no: number, value: number];

/** A filter for the kernel (`struct sock_filter[]`), or null on machines whose numbers are not known here. */
export function seccompFilter(arch: string = process.arch): Buffer | null {
  const machine = MACHINES[arch];
  if (!machine || endianness() !== "LE") return null;
  const [audit, column] = machine;
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCH],
    [EQUAL, 1, 0, audit],
    [RETURN, 0, 0, refuse(ENOSYS)],
    [LOAD, 0, 0, NUMBER],
    [AT_LEAST, 0, 1, X32],
    [RETURN, 0, 0, refuse(ENOSYS)],
    ...Object.values(REFUSED).flatMap((numbers): Instruction[] => [
      [EQUAL, 0, 1, numbers[column]],
      [RETURN, 0, 0, refuse(EPERM)],
    ]),
    [EQUAL, 1, 0, SOCKET[column]],
    [RETURN, 0, 0, ALLOW],
    [LOAD, 0, 0, FIRST],
    ...FAMILIES.flatMap((family): Instruction[] => [
      [EQUAL, 0, 1, family],
      [RETURN, 0, 0, ALLOW],
    ]),
    [RETURN, 0, 0, refuse(EAFNOSUPPORT)],
  ];
  const filter = Buffer.alloc(program.length * 8);
  program.forEach(([code, yes, no, value], at) => {
    filter.writeUInt16LE(code, at * 8);
    filter.writeUInt8(yes, at * 8 + 2);
    filter.writeUInt8(no, at * 8 + 3);
    filter.writeUInt32LE(value >>> 0, at * 8 + 4);
  });
  return filter;
}
