/** Forms of certificate authorities: upload or make one, prove an uploaded one, change what it registers. */
import {
  Button,
  FileButton,
  Group,
  Modal,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { NAME_PATTERN, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { Command, Problem } from '../../components/page';
import { Moment } from '../../components/time';

interface Registers {
  readonly type: string | null;
  readonly tags: readonly string[];
  readonly site: string;
  readonly quota: number | string;
}

const bodyOf = ({ type, tags, site, quota }: Registers) => ({
  type,
  tags: [...tags],
  site: site.trim() === '' ? null : site.trim(),
  quota: Number(quota),
});

export function AddAuthority({ project }: { project: string }) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button size="xs" onClick={open}>
        Add an authority
      </Button>
      <Modal opened={opened} onClose={close} title="Add a certificate authority" size="lg">
        <AddForm project={project} onDone={close} />
      </Modal>
    </>
  );
}

function AddForm(props: { project: string; onDone: () => void }) {
  const [name, setName] = useState('');
  const [isUpload, setIsUpload] = useState(true);
  const [certificate, setCertificate] = useState('');
  const [registers, setRegisters] = useState<Registers>({ type: null, tags: [], site: '', quota: 1_000 });
  const create = useAction('authorityCreate', props.onDone);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({
          params: { project: props.project },
          body: { name: name.trim(), ...bodyOf(registers), ...(isUpload ? { certificate } : {}) },
        });
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Name"
          placeholder="factory"
          required
          maxLength={63}
          classNames={{ input: 'mono' }}
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          data-autofocus
        />
        <SegmentedControl
          aria-label="Whose authority"
          data={[
            { value: 'upload', label: 'I have one: upload its certificate' },
            { value: 'own', label: 'make one that signs here' },
          ]}
          value={isUpload ? 'upload' : 'own'}
          onChange={(value) => setIsUpload(value === 'upload')}
        />
        {isUpload ? (
          <Pem label="Its certificate (PEM)" value={certificate} onChange={setCertificate} />
        ) : (
          <Text size="sm" c="dimmed">
            Its key is made on the server and stays there, encrypted. It signs requests of devices that have a
            token, a provisioning key or a claim code.
          </Text>
        )}
        {isUpload ? (
          <RegistersFields project={props.project} value={registers} onChange={setRegisters} />
        ) : null}
        {create.error === null ? null : <Problem error={create.error} />}
        <Group justify="flex-end">
          <Button
            type="submit"
            loading={create.isPending}
            disabled={!NAME_PATTERN.test(name.trim()) || (isUpload && certificate.trim() === '')}
          >
            {isUpload ? 'Upload' : 'Make it'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function EditAuthority(props: {
  project: string;
  authority: Resource<'Authority'>;
  onDone: () => void;
}) {
  const { project, authority } = props;
  const [registers, setRegisters] = useState<Registers>({ ...authority, site: authority.site ?? '' });
  const update = useAction('authorityUpdate', props.onDone);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        update.mutate({ params: { project, authority: authority.name }, body: bodyOf(registers) });
      }}
    >
      <Stack gap="sm">
        <RegistersFields project={project} value={registers} onChange={setRegisters} />
        {update.error === null ? null : <Problem error={update.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={update.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function RegistersFields(props: { project: string; value: Registers; onChange: (value: Registers) => void }) {
  const { value, onChange } = props;
  const types = useApi('deviceTypeList', { params: { project: props.project } });
  return (
    <>
      <Select
        label="Registers devices of type"
        description="At their first connect; empty: only devices you registered beforehand get in"
        clearable
        searchable
        data={types.data?.items.map((one) => one.name) ?? []}
        value={value.type}
        onChange={(type) => onChange({ ...value, type })}
      />
      {value.type === null ? null : (
        <>
          <NumberInput
            label="Quota"
            description="Devices it may register"
            min={0}
            max={1_000_000}
            allowDecimal={false}
            value={value.quota}
            onChange={(quota) => onChange({ ...value, quota })}
          />
          <TagsInput
            label="Tags they get"
            value={[...value.tags]}
            onChange={(tags) => onChange({ ...value, tags })}
            maxTags={32}
          />
          <TextInput
            label="Site"
            maxLength={63}
            value={value.site}
            onChange={(e) => onChange({ ...value, site: e.currentTarget.value })}
          />
        </>
      )}
    </>
  );
}

function Pem(props: { label: string; value: string; onChange: (value: string) => void }) {
  const take = (file: File | null) => {
    if (file !== null) void file.text().then(props.onChange);
  };
  return (
    <Stack gap={6}>
      <Textarea
        label={props.label}
        required
        placeholder="-----BEGIN CERTIFICATE-----"
        autosize
        minRows={4}
        maxRows={10}
        maxLength={16_384}
        classNames={{ input: 'mono' }}
        spellCheck={false}
        value={props.value}
        onChange={(e) => props.onChange(e.currentTarget.value)}
      />
      <FileButton onChange={take} accept=".pem,.crt,.cer">
        {(button) => (
          <Button {...button} size="compact-xs" variant="default" style={{ alignSelf: 'flex-start' }}>
            From a file
          </Button>
        )}
      </FileButton>
    </Stack>
  );
}

export function Prove({ project, authority }: { project: string; authority: Resource<'Authority'> }) {
  const [opened, { open, close }] = useDisclosure();
  const [certificate, setCertificate] = useState('');
  const prove = useAction('authorityProve', close);
  const challenge = authority.challenge ?? '';
  return (
    <>
      <Button size="compact-xs" onClick={open} aria-label={`Prove ${authority.name}`}>
        Prove
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title={`Show that you hold the key of ${authority.name}`}
        size="xl"
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            prove.mutate({ params: { project, authority: authority.name }, body: { certificate } });
          }}
        >
          <Stack gap="sm">
            <Text size="sm" component="div">
              Anybody can upload anybody&apos;s certificate. Sign one whose common name is the challenge, and
              paste it here. The challenge ends <Moment at={authority.challengeExpiresAt} />.
            </Text>
            <Command text={challenge} />
            <Command
              text={`openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=${challenge}' -keyout proof-key.pem -out proof.csr`}
            />
            <Command text="openssl x509 -req -in proof.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 1 -out proof.pem" />
            <Pem label="proof.pem" value={certificate} onChange={setCertificate} />
            {prove.error === null ? null : <Problem error={prove.error} />}
            <Group justify="flex-end">
              <Button type="submit" loading={prove.isPending} disabled={certificate.trim() === ''}>
                Prove it
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
