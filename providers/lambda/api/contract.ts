/* eslint-disable -- generated */
/**
 * Types of the Lambda Cloud API 1.10.0, generated from contracts/lambda-openapi.json. Do not edit:
 * run `node contracts/generate-lambda-types.mjs` instead. A .ts file, so that the compiled package carries it.
 */
export interface paths {
    "/api/v1/instances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: {
                    cluster_id?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Instance"][];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/instances/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Instance"];
                        };
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        name?: string;
                    };
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Instance"];
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/instance-types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["InstanceTypes"];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/instance-operations/launch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        region_name: string;
                        instance_type_name: string;
                        ssh_key_names: string[];
                        file_system_names?: string[];
                        file_system_mounts?: components["schemas"]["RequestedFilesystemMountEntry"][];
                        hostname?: string;
                        name?: string;
                        image?: components["schemas"]["ImageSpecificationID"] | components["schemas"]["ImageSpecificationFamily"];
                        /** Format: password */
                        user_data?: string;
                        tags?: components["schemas"]["RequestedTagEntry"][];
                        firewall_rulesets?: components["schemas"]["FirewallRulesetEntry"][];
                    };
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["InstanceLaunchResponse"];
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/instance-operations/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        instance_ids: string[];
                    };
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["InstanceRestartResponse"];
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/instance-operations/terminate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        instance_ids: string[];
                    };
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["InstanceTerminateResponse"];
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ssh-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["SSHKey"][];
                        };
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        name: string;
                        public_key?: string;
                    };
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["GeneratedSSHKey"] | components["schemas"]["SSHKey"];
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ssh-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["EmptyResponse"];
                        };
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/file-systems": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Filesystem"][];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/filesystems": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        name: string;
                        region: string;
                    };
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Filesystem"];
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/filesystems/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["FilesystemDeleteResponse"];
                        };
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/images": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Image"][];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/regions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Region"][];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/firewall-rulesets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["FirewallRuleset"][];
                        };
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        name: string;
                        region: string;
                        rules: components["schemas"]["FirewallRule"][];
                    };
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["FirewallRuleset"];
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/firewall-rulesets/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["FirewallRuleset"];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["EmptyResponse"];
                        };
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        name?: string;
                        rules?: components["schemas"]["FirewallRule"][];
                    };
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["FirewallRuleset"];
                        };
                    };
                };
            };
        };
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        EmptyResponse: Record<string, never>;
        Filesystem: {
            id: string;
            name: string;
            mount_point: string;
            /** Format: date-time */
            created: string;
            created_by: components["schemas"]["User"];
            is_in_use: boolean;
            region: components["schemas"]["Region"];
            bytes_used?: number;
        };
        FilesystemDeleteResponse: {
            deleted_ids: string[];
        };
        FilesystemMountEntry: {
            mount_point: string;
            file_system_id: string;
        };
        FirewallRule: {
            protocol: components["schemas"]["NetworkProtocol"];
            port_range?: number[];
            /** Format: ipv4network */
            source_network: string;
            description: string;
        };
        FirewallRuleset: {
            id: string;
            name: string;
            region: components["schemas"]["Region"];
            rules: components["schemas"]["FirewallRule"][];
            /** Format: date-time */
            created: string;
            instance_ids: string[];
        };
        FirewallRulesetEntry: {
            id: string;
        };
        GeneratedSSHKey: {
            id: string;
            name: string;
            public_key: string;
            private_key: string;
        };
        Image: {
            id: string;
            /** Format: date-time */
            created_time: string;
            /** Format: date-time */
            updated_time: string;
            name: string;
            description: string;
            family: string;
            version: string;
            architecture: components["schemas"]["ImageArchitecture"];
            region: components["schemas"]["Region"];
        };
        /** @enum {string} */
        ImageArchitecture: "x86_64" | "arm64";
        ImageSpecificationFamily: {
            family: string;
        };
        ImageSpecificationID: {
            id: string;
        };
        Instance: {
            id: string;
            name?: string;
            ip?: string;
            private_ip?: string;
            status: components["schemas"]["InstanceStatus"];
            ssh_key_names: string[];
            file_system_names: string[];
            file_system_mounts?: components["schemas"]["FilesystemMountEntry"][];
            region: components["schemas"]["Region"];
            instance_type: components["schemas"]["InstanceType"];
            hostname?: string;
            jupyter_token?: string;
            jupyter_url?: string;
            actions: components["schemas"]["InstanceActionAvailability"];
            tags?: components["schemas"]["TagEntry"][];
            firewall_rulesets?: components["schemas"]["FirewallRulesetEntry"][];
        };
        InstanceActionAvailability: {
            migrate: components["schemas"]["InstanceActionAvailabilityDetails"];
            rebuild: components["schemas"]["InstanceActionAvailabilityDetails"];
            restart: components["schemas"]["InstanceActionAvailabilityDetails"];
            cold_reboot: components["schemas"]["InstanceActionAvailabilityDetails"];
            terminate: components["schemas"]["InstanceActionAvailabilityDetails"];
        };
        InstanceActionAvailabilityDetails: {
            available: boolean;
            reason_code?: components["schemas"]["InstanceActionUnavailableCode"] | string;
            reason_description?: string;
        };
        /** @enum {string} */
        InstanceActionUnavailableCode: "vm-has-not-launched" | "vm-is-too-old" | "vm-is-terminating" | "vm-action-in-progress";
        InstanceLaunchResponse: {
            instance_ids: string[];
        };
        InstanceRestartResponse: {
            restarted_instances: components["schemas"]["Instance"][];
        };
        /** @enum {string} */
        InstanceStatus: "booting" | "active" | "unhealthy" | "terminated" | "terminating" | "preempted";
        InstanceTerminateResponse: {
            terminated_instances: components["schemas"]["Instance"][];
        };
        InstanceType: {
            name: string;
            description: string;
            gpu_description: string;
            price_cents_per_hour: number;
            specs: components["schemas"]["InstanceTypeSpecs"];
        };
        InstanceTypeSpecs: {
            vcpus: number;
            memory_gib: number;
            storage_gib: number;
            gpus: number;
        };
        InstanceTypes: {
            [key: string]: components["schemas"]["InstanceTypesItem"];
        };
        InstanceTypesItem: {
            instance_type: components["schemas"]["InstanceType"];
            regions_with_capacity_available: components["schemas"]["Region"][];
        };
        /** @enum {string} */
        NetworkProtocol: "tcp" | "udp" | "icmp" | "all";
        Region: {
            name: string;
            description: string;
        };
        RequestedFilesystemMountEntry: {
            mount_point: string;
            file_system_id: string;
        };
        RequestedTagEntry: {
            key: string;
            value: string;
        };
        SSHKey: {
            id: string;
            name: string;
            public_key: string;
        };
        TagEntry: {
            key: string;
            value: string;
        };
        User: {
            id: string;
            email: string;
            status: components["schemas"]["UserStatus"];
        };
        /** @enum {string} */
        UserStatus: "active" | "deactivated";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
