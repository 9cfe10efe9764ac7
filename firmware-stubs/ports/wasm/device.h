// The wasm port's device interface: exports and imports of tinyfleet.wasm by which a host (apps/simulator) runs
// many devices in one linear memory. The bytes here are a contract with the host; append, never renumber.
// Not here: the inference exports that libs/runtime uses (runtime.c beside this file).
//
// Memory. The module brings no heap: the host owns everything above the export `__heap_base` and lays it out.
// It needs, per device, one block of device_bytes() (64-byte aligned), one config block and `state_bytes` for the
// model's state; per thread, one arena that all devices share (inference runs to completion inside one
// device_step); per bundle digest, one read-only copy that flash_map hands out. A block must not move while its
// device lives. Growing the memory makes the host's views stale, not the device's pointers.
//
// Exports
//   device_abi() -> u32                           1; a host refuses any other number
//   device_bytes() -> u32                         size of one device block
//   device_config_bytes() -> u32                  DEVICE_CONFIG_WORDS * 4
//   device_info_bytes() -> u32                    DEVICE_INFO_WORDS * 4
//   device_patch_bytes() -> u32                   what the patch scratch of a device needs for deltas and compressed bundles
//   device_init(dev ptr, index u32, config ptr) -> i32
//                                                 boots a device: 0, or a negative error code (the block is then dead).
//                                                 Reads and writes flash. Call it again, on the same block, to boot
//                                                 after a reset or a power cut; RAM contents before it do not matter.
//   device_step(dev ptr) -> f64                   does what is due and returns the device time (now_us) at which it wants
//                                                 to be stepped again, in microseconds. Step it earlier when bytes have
//                                                 arrived on its stream or sending became possible again. A step is
//                                                 bounded: one inference, or about 4 KB of hashing or flash work.
//                                                 After import reset(): returns 0 and does nothing until device_init.
//   device_info(dev ptr, out ptr)                 writes DEVICE_INFO_WORDS words, see below
//   device_provision(index u32, config ptr, slot u32, digest ptr, bytes u32, sequence u32) -> i32
//                                                 factory: the host has stored a bundle of `bytes` with SHA-256 `digest` in
//                                                 slot 0 or 1 of an erased flash; writes the record log that makes it the
//                                                 active, committed one with manifest sequence `sequence` (0 = none). Before
//                                                 device_init; uses the flash imports only. 0 or a negative error code
//   device_set_period(dev ptr, period_us f64)     changes the inference period of a running device (the simulator makes
//                                                 history at one inference a minute, then goes on live); the next
//                                                 inference is due at most one new period from now
//
// Imports, module "device". The first argument is the u32 index given to device_init. Pointers are u32 offsets into
// the linear memory. A host must not call any export from inside an import, and reads memory through a fresh view.
//
//   import            arguments                                  result
//   now_us            (i)                                        f64   microseconds since this device's boot, monotonic,
//                                                                      whole numbers
//   cycles            (i)                                        u32   cycle counter, asked with flag bit 0 only and not when
//                                                                      device_config_cycles_per_step counts instead
//   flash_read        (i, offset, dst, n)                        i32   0 or negative
//   flash_program     (i, offset, src, n)                        i32   0 or negative; whole units, erased before (a host
//                                                                      that checks NOR rules answers -1 on a breach)
//   flash_erase       (i, offset)                                i32   0 or negative; the sector at offset
//   flash_map         (i, offset, n)                             u32   pointer to n readable bytes equal to this
//                                                                      device's flash, 16-byte aligned; 0 = not mapped
//                                                                      (the bundle is then copied to bundle_ram). Asked
//                                                                      for before every inference: hand out the shared
//                                                                      copy while the pages are equal to it
//   net_open          (i)                                        i32   1 open, 0 connecting (asked again), < 0 failed
//   net_send          (i, src, n)                                i32   bytes taken 0..n, < 0 stream gone
//   net_receive       (i, dst, n)                                i32   bytes given 0..n, < 0 stream gone
//   net_close         (i)                                        -     always before the next net_open
//   verify            (i, alg, key, key_n, msg, msg_n, sig, sig_n) i32 0 = good signature. alg as in wire.cddl
//                                                                      signature-algorithm: 1 Ed25519 (raw 32-byte key)
//   entropy           (i, dst, n)                                -     n random bytes (seeded by the host)
//   sample            (i, sensor, dst, count)                    i32   sensor 0: count bytes of quantized input tensor.
//                                                                      other sensors: count frames of interleaved int16.
//                                                                      count = done, 0 = not there yet, < 0 sensor error.
//                                                                      The inference index advances with a completed
//                                                                      inference only: after 0 the same index is asked
//                                                                      for again soon, after < 0 one period later
//   result            (i, index, predicted, confidence, output, output_n)
//                                                                -     after each inference; index counts inferences of
//                                                                      this boot from 0, confidence 0..255, output = the
//                                                                      raw output tensor, readable during the call
//   reset             (i)                                        -     the device asks to be rebooted (cause: software)
//   battery           (i)                                        i32   0..100, < 0 unknown
//   log               (i, level, text, text_n, value i32)        -     level 0 error .. 3 debug
#ifndef FLEET_WASM_DEVICE_H
#define FLEET_WASM_DEVICE_H

#define DEVICE_ABI 1

// The config block: little-endian u32 words. It and everything it points to must stay unchanged and in place while
// the device lives. Strings are (pointer, bytes), not terminated.
enum {
  device_config_project = 0,     // ptr, bytes (1..63)
  device_config_device = 2,      // ptr, bytes (1..63)
  device_config_token = 4,       // ptr, bytes (0..128): the MQTT password; 0 bytes = none
  device_config_device_type = 6, // ptr, bytes (1..63)
  device_config_vendor_id = 8,   // ptr to 16 bytes (SUIT vendor identifier), 0 = not checked
  device_config_class_id = 9,    // ptr to 16 bytes (SUIT class identifier), 0 = not checked
  device_config_key_alg = 10,    // current manifest verification key: algorithm (1 = Ed25519), 0 = none
  device_config_key = 11,        // ptr, bytes
  device_config_next_key_alg = 13, // next key for rotation, 0 = none
  device_config_next_key = 14,   // ptr, bytes
  device_config_flash_bytes = 16, // geometry: 2 record sectors, slot 0, slot 1, telemetry ring (what remains)
  device_config_sector_bytes = 17,
  device_config_unit_bytes = 18,
  device_config_erased = 19,     // 0xff or 0
  device_config_slot_bytes = 20, // multiple of sector_bytes
  device_config_arena = 21,      // ptr (16-byte aligned), bytes; may be shared by all devices of a thread
  device_config_state = 23,      // ptr (16-byte aligned), bytes; this device's own
  device_config_bundle_ram = 25, // ptr, bytes; 0 when flash_map always maps
  device_config_inference_period_us = 27, // low word; 0 = default 1,000,000
  device_config_inference_period_us_high = 28,
  device_config_window_s = 29,   // telemetry window until desired says otherwise; 0 = default 3600
  device_config_keepalive_s = 30, // 0 = default 60
  device_config_reset_cause = 31, // why this boot: wire.cddl reset-cause
  device_config_backoff_min_ms = 32, // reconnect back-off, 0 = default 1000
  device_config_backoff_max_ms = 33, // 0 = default 120000
  device_config_healthy_s = 34,  // time without fault that closes an attempt record, 0 = default 60
  device_config_flags = 35,      // bit 0: cycles() is real; bit 1: start offline, never connect (windows go to the ring);
                                 // bit 2: keep window_s, ignore the one in desired
  device_config_sensor = 36,     // sensor besides `tensor`, which every wasm device offers: wire.cddl sensor, 0 = none
  device_config_sensor_axes = 37,
  device_config_sensor_unit = 38,
  device_config_sensor_full_scale = 39, // unit/1000 at raw 32767
  device_config_sensor_rate_mhz = 40,   // millihertz
  device_config_firmware_version = 41,  // ptr, bytes (1..32); 0 = the firmware's own
  device_config_pick_every = 43, // keep every n-th prediction for labelling until desired says otherwise, 0 = none
  device_config_clock_khz = 44, // of cycles(), 0 = unknown
  device_config_sensor_2 = 45, // a second one: 5 words as device_config_sensor to _rate_mhz; not read when there is no first
  device_config_patch_scratch = 50, // 8-byte aligned address, bytes; this device's alone, for a transfer lasts many steps.
                                    // None: transfers of method full only
  device_config_shadow = 52, // 8-byte aligned address, bytes: context and counters of a staged model that runs beside the
                             // active one; 0 = it cannot
  device_config_shadow_state = 54, // 16-byte aligned address, bytes: state of that model
  device_config_sample_ram = 56, // ptr, bytes: holds one input that was asked for; 0 = samples are not sent
  device_config_slots = 58,      // 1 = a one-slot device, 0 = 2
  device_config_cycles_per_step = 59, // with flag bit 0: cycles() is the plan steps of this boot times this, the same in
                                     // every run; 0 = the import counts
  DEVICE_CONFIG_WORDS = 72 // rest reserved, 0
};

// device_info's output: u32 words.
enum {
  device_info_boot_id_low = 0, // 32 bits of entropy
  device_info_boot_id_high = 1, // persisted boot counter
  device_info_connected = 2,    // 1 = MQTT session is up (CONNACK and SUBACK received)
  device_info_update_state = 3, // wire.cddl update-state
  device_info_error = 4,        // last update error code, 0 = none
  device_info_active_slot = 5,  // 0, 1, or 0xffffffff = no model
  device_info_active_digest = 6, // 8 words: SHA-256 bytes in order
  device_info_slot_state_0 = 14, // wire.cddl slot-state
  device_info_slot_state_1 = 15,
  device_info_release_sequence = 16, // highest accepted
  device_info_transfer_offset = 17,
  device_info_transfer_bytes = 18,
  device_info_inference_index = 19, // inferences made in this boot = next index
  device_info_windows_made = 20,    // in this boot
  device_info_windows_pending = 21, // made, not acknowledged (RAM and ring)
  device_info_windows_dropped = 22, // since first boot
  device_info_reconnects = 23,
  device_info_deployment = 24,
  device_info_revision = 25,
  device_info_next_sequence = 26, // next message's sequence number
  device_info_messages_pending = 27, // hello and state messages not acknowledged yet
  device_info_input_bytes = 28,   // of the active model's input tensor, 0 = no model
  device_info_output_bytes = 29,
  device_info_classes = 30,
  device_info_slot_offset_0 = 31, // where slot 0 lies in this device's flash
  device_info_slot_offset_1 = 32,
  device_info_counters = 33,      // 16 words by wire.cddl loss-counter number, word 0 unused
  DEVICE_INFO_WORDS = 56
};

#endif
