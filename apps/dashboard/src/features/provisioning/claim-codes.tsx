/** Claim codes: a label on each unit, good once, by which it becomes the device that is waiting for it. Printed as a sheet. */
import { Alert, Anchor, Button, Group, NumberInput, Select, Stack, Text, Textarea } from '@mantine/core';
import { plural, NAME_PATTERN, type ApiError, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { client, queryClient, useApi } from '../../app/api';
import { Problem, Section } from '../../components/page';
import { QrCode } from '../../components/qr-code';
import { Moment } from '../../components/time';

const MAX_CODES = 200;
const HOUR_S = 3_600;

/** Names as people paste them: by lines, blanks, commas. */
const namesOf = (text: string): string[] => [...new Set(text.split(/[\s,;]+/).filter((name) => name !== ''))];

export function ClaimCodes({ project }: { project: string }) {
  const types = useApi('deviceTypeList', { params: { project } });
  const [text, setText] = useState('');
  const [type, setType] = useState<string | null>(null);
  const [hours, setHours] = useState<number | string>(24);
  const [codes, setCodes] = useState<Resource<'ClaimCode'>[]>([]);
  const [isRunning, setIsRunning] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const names = namesOf(text);
  const odd = names.find((name) => !NAME_PATTERN.test(name));
  const complaint =
    odd !== undefined
      ? `${odd}: use a-z, 0-9, dot, underscore and hyphen`
      : names.length > MAX_CODES
        ? `${names.length} names; a sheet has at most ${MAX_CODES}`
        : undefined;

  const make = async () => {
    setIsRunning(true);
    setError(null);
    setCodes([]);
    try {
      for (const device of names) {
        const code = await client.call('claimCodeCreate', {
          params: { project, device },
          body: { expiresInSeconds: Number(hours) * HOUR_S, ...(type === null ? {} : { type }) },
        });
        setCodes((before) => [...before, code]);
      }
    } catch (problem) {
      setError(problem as ApiError);
    } finally {
      setIsRunning(false);
      void queryClient.invalidateQueries({ queryKey: [project] });
    }
  };
  return (
    <Stack gap="lg">
      <Section
        title="Make claim codes"
        about="A unit leaves the factory with nothing; whoever sets it up scans or types its code, and it gets its credential"
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void make();
          }}
        >
          <Stack gap="sm">
            <Textarea
              label="Devices"
              description="Names, one a line"
              placeholder={'pump-1\npump-2'}
              required
              autosize
              minRows={3}
              maxRows={10}
              classNames={{ input: 'mono' }}
              error={complaint}
              value={text}
              onChange={(e) => setText(e.currentTarget.value)}
            />
            <Group grow align="flex-end">
              <Select
                label="Type"
                description="Makes devices that are not there yet"
                placeholder="they are there"
                clearable
                searchable
                data={types.data?.items.map((one) => one.name) ?? []}
                value={type}
                onChange={setType}
              />
              <NumberInput
                label="Good for"
                description="Hours, at most 90 days"
                min={1}
                max={2_160}
                allowDecimal={false}
                suffix=" h"
                value={hours}
                onChange={setHours}
              />
            </Group>
            {error === null ? null : <Problem error={error} />}
            <Group justify="flex-end">
              <Button
                type="submit"
                loading={isRunning}
                disabled={names.length === 0 || complaint !== undefined || Number(hours) < 1}
              >
                Make {names.length === 0 ? 'codes' : plural(names.length, 'code')}
              </Button>
            </Group>
          </Stack>
        </form>
      </Section>
      {codes.length === 0 ? null : (
        <Section
          title="Codes"
          actions={
            <Group gap="sm">
              <Anchor size="sm" href={fileOf(codes)} download="claim-codes.txt">
                Text
              </Anchor>
              <Button size="xs" disabled={isRunning} onClick={() => window.print()}>
                Print the sheet
              </Button>
            </Group>
          }
        >
          <Alert color="orange" variant="light" mb="sm" role="status">
            Codes are shown this once. A new code for a device ends the one before.
          </Alert>
          <div className="sheet">
            {codes.map((code) => (
              <Label key={code.device} code={code} />
            ))}
          </div>
        </Section>
      )}
    </Stack>
  );
}

function Label({ code }: { code: Resource<'ClaimCode'> }) {
  return (
    <div className="sheet-label">
      <QrCode text={code.uri} label={`QR code of ${code.device}`} />
      <div>
        <Text fw={600} size="sm" style={{ overflowWrap: 'anywhere' }}>
          {code.device}
        </Text>
        <Text className="mono">{code.code}</Text>
        <Text size="xs" c="dimmed" className="only-screen">
          ends <Moment at={code.expiresAt} />
        </Text>
        <Text size="xs" className="only-print">
          until {new Date(code.expiresAt).toLocaleString()}
        </Text>
      </div>
    </div>
  );
}

function fileOf(codes: readonly Resource<'ClaimCode'>[]): string {
  const lines = codes.map(({ device, code, uri }) => `${device}\t${code}\t${uri}\n`);
  return `data:text/plain;charset=utf-8,${encodeURIComponent(lines.join(''))}`;
}
